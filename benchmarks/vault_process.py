"""The vault as a debugger sees it: what it posts to pages, and how much memory it holds."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Notes when each message was posted to a page, in ms since the epoch, with what it holds.
SPY = """
globalThis.posted = [];
const post = MessagePort.prototype.postMessage;
MessagePort.prototype.postMessage = function (message, ...more) {
  globalThis.posted.push([performance.timeOrigin + performance.now(), message]);
  return post.call(this, message, ...more);
};
0
"""


class VaultProcess:
    """The one shared worker of a browser.

    Raises
    ------
    ValueError
        There is none, or more than one.
    """

    def __init__(self, browser: Browser) -> None:
        self._session = browser.new_browser_cdp_session()
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._session.on("Target.receivedMessageFromTarget", self._heard)
        targets = self._session.send("Target.getTargets")["targetInfos"]
        [worker] = [target for target in targets if target["type"] == "shared_worker"]
        attached = self._session.send(
            "Target.attachToTarget", {"targetId": worker["targetId"], "flatten": False}
        )
        self._worker = attached["sessionId"]

    def _heard(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[message["id"]] = message

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        message = json.dumps({"id": number, "method": method, "params": params})
        self._session.send("Target.sendMessageToTarget", {"sessionId": self._worker, "message": message})
        while number not in self._answers:
            self._session.send("Browser.getVersion")  # takes in what came meanwhile
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the worker."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    def spy(self) -> None:
        """Note from now on what is posted to pages."""
        self.evaluate(SPY)

    def posted(self, access_token: str) -> float:
        """Return when the first message with a token was posted, in ms since the epoch.

        Raises
        ------
        LookupError
            None was.
        """
        text = json.dumps(json.dumps(access_token))
        found = self.evaluate(
            f"posted.find(([, message]) => JSON.stringify(message)?.includes({text}))?.[0] ?? null"
        )
        if found is None:
            raise LookupError(f"none of {self.evaluate('posted.length')} messages of the vault has the token")
        return found

    def heap(self) -> int:
        """Collect garbage, and return the bytes that are in use."""
        self._ask("HeapProfiler.collectGarbage")
        return self._ask("Runtime.getHeapUsage")["usedSize"]
