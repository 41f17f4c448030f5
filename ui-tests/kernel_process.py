"""A kernel as a process, and what a page with the widget says to it and hears from it.

>>> kernel.run("from oidc_widget import OIDCLogin; w = OIDCLogin('https://idp.example', 'notebooks')")
>>> cell = kernel.start("print(w.wait())")
>>> kernel.page("w"); kernel.token("w", "the-token")      # over the control channel, while the cell blocks
>>> cell.finish()
'the-token'
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

import kernelspecs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Seconds that anything may take.
PATIENCE = 20


class CellError(AssertionError):
    """A cell ended with an exception; its traceback is the message."""


@dataclass
class Cell:
    """Code that was sent to a kernel."""

    kernel: KernelProcess = field(repr=False)
    message_id: str

    def finish(self, *, check: bool = True) -> str:
        """Wait for its end, and return all that it printed, and its value."""
        self.kernel.hear_until(lambda: self.message_id in self.kernel.idle, "the end of the cell")
        if check and self.message_id in self.kernel.errors:
            raise CellError(self.kernel.errors[self.message_id])
        return self.output

    def fail(self) -> str:
        """Wait for its end, which must be an exception, and return the exception's traceback."""
        output = self.finish(check=False)
        assert self.message_id in self.kernel.errors, output
        return self.kernel.errors[self.message_id]

    @property
    def output(self) -> str:
        return "".join(self.kernel.outputs.get(self.message_id, [])).strip()


class KernelProcess:
    """A running kernel.

    Parameters
    ----------
    name
        `python3` (ipykernel 7) or `ipykernel6`.
    folder
        An empty folder.
    """

    def __init__(self, name: str, folder: Path) -> None:
        kernelspecs.provide(name)
        kernelspecs.write(folder)
        self.name = name
        specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")])
        self._manager = KernelManager(kernel_name=name, kernel_spec_manager=specs)
        self._manager.start_kernel()
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)
        self._seq = itertools.count(1)
        self.outputs: dict[str, list[str]] = {}
        self.displays: list[dict[str, Any]] = []
        #: What each display shows by now.
        self.texts: dict[str | None, str] = {}
        self.errors: dict[str, str] = {}
        self.idle: set[str] = set()
        #: What widgets sent to pages, as `(link_id, message)`.
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._links: dict[str, str] = {}
        self._subshell_id: str | None = None

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    # ---- cells --------------------------------------------------------------------------------------

    def start(self, code: str) -> Cell:
        return Cell(self, self._client.execute(code))

    def run(self, code: str) -> str:
        return self.start(code).finish()

    def prompt(self) -> dict[str, Any]:
        """Wait for a question to the person, and return it: `prompt` and `password`."""
        message = self._client.get_stdin_msg(timeout=PATIENCE)
        assert message["msg_type"] == "input_request"
        return dict(message["content"])

    def type(self, text: str) -> None:
        """Answer the question."""
        self._client.input(text)

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def hear_until(self, met: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
        """Take in what the kernel publishes until this is met."""
        deadline = time.monotonic() + patience
        while not met():
            if time.monotonic() > deadline:
                raise TimeoutError(f"The kernel has waited in vain for {what}; told: {self.told}")
            with contextlib.suppress(queue.Empty):
                self._hear(self._client.get_iopub_msg(timeout=1))

    def _hear(self, message: dict[str, Any]) -> None:
        content, parent = message["content"], message["parent_header"].get("msg_id", "")
        match message["msg_type"]:
            case "status" if content["execution_state"] == "idle":
                self.idle.add(parent)
            case "stream":
                self.outputs.setdefault(parent, []).append(content["text"])
            case "execute_result":
                self.outputs.setdefault(parent, []).append(content["data"].get("text/plain", ""))
                self.displays.append(content["data"])
            case "display_data" | "update_display_data":
                self.displays.append(content["data"])
                self.texts[content["transient"].get("display_id")] = content["data"].get("text/plain", "")
            case "error":
                self.errors[parent] = "\n".join([*content["traceback"], content["ename"], content["evalue"]])
            case "comm_msg" if content["data"].get("method") == "custom":
                self.told.append((content["comm_id"], content["data"]["content"]))

    def wait_for_message(self, kind: str, *, after: int = 0) -> dict[str, Any]:
        """Wait for a message of this kind to the pages, and return it."""

        def found() -> list[dict[str, Any]]:
            return [message for _, message in self.told[after:] if message["kind"] == kind]

        self.hear_until(found, f"a message {kind!r}")
        return found()[-1]

    def messages(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of this kind heard so far."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._hear(self._client.get_iopub_msg(timeout=0))
        return [message for _, message in self.told if message["kind"] == kind]

    # ---- what a page does ------------------------------------------------------------------------------

    def login(self, name: str = "w", **options: Any) -> str:
        """Make a widget of this name, and return its link's id."""
        extra = "".join(f", {key}={value!r}" for key, value in options.items())
        self._links[name] = eval(  # noqa: S307  # what this very test printed
            self.run(
                "from oidc_widget import OIDCLogin\n"
                f"{name} = OIDCLogin('https://idp.example', 'notebooks'{extra})\n"
                f"{name}._link_id"
            )
        )
        return self._links[name]

    def adopt(self, name: str, link_id: str) -> None:
        """Deliver under this name to a widget that was made otherwise."""
        self._links[name] = link_id

    def deliver(self, name: str, event: str, /, **payload: Any) -> str:
        """Deliver over the control channel, and return the status of the reply."""
        return str(self.deliver_and_hear(name, event, **payload)["status"])

    def deliver_and_hear(self, name: str, event: str, /, **payload: Any) -> dict[str, Any]:
        """Do the same, and return the reply."""
        return self.ask_by_control(self._delivery(name, event, payload))

    def deliver_together(self, *deliveries: tuple[str, str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Deliver several (name, event and payload) in one message, and return each one's reply."""
        several = [self._delivery(*delivery) for delivery in deliveries]
        return list(self.ask_by_control({"deliveries": several})["replies"])

    def ask_by_control(self, content: dict[str, Any]) -> dict[str, Any]:
        """Send this content, whatever it is, and return the reply's."""
        message = self._client.session.msg("oidc_widget_deliver", content)
        self._client.control_channel.send(message)
        reply = self._client.get_control_msg(timeout=PATIENCE)
        assert reply["msg_type"] == "oidc_widget_deliver_reply"
        return dict(reply["content"])

    def _delivery(self, name: str, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        payload = {"seq": next(self._seq), "vault": "v", **payload}
        return {"link_id": self._links[name], "event": event, "payload": payload}

    def deliver_by_comm(self, name: str, event: str, /, **payload: Any) -> None:
        """Send over the widget's own comm, as a host without the labextension does."""
        content = self._delivery(name, event, payload)
        data = {"method": "custom", "content": content}
        message = self._client.session.msg("comm_msg", {"comm_id": content["link_id"], "data": data})
        if self.name == "python3":
            message["header"]["subshell_id"] = self._subshell()
        self._client.shell_channel.send(message)

    def _subshell(self) -> str:
        """Return a subshell, which JupyterLab sends widget messages over where a kernel has it."""
        if self._subshell_id is None:
            request = self._client.session.msg("create_subshell_request", {})
            self._client.control_channel.send(request)
            reply = self._client.get_control_msg(timeout=PATIENCE)
            self._subshell_id = str(reply["content"]["subshell_id"])
        return self._subshell_id

    def page(self, name: str = "w", *, popup: bool = True) -> None:
        assert self.deliver(name, "page", redirect_uri="https://hub.example/callback", popup=popup) == "ok"

    def token(self, name: str, value: str, *, expires_in: float | None = 3600, **more: Any) -> None:
        claims = {"sub": "a-1001", "name": "Alice Adams"}
        payload = {
            "access_token": value,
            "expires_in": expires_in,
            "claims": claims,
            "account": "Alice Adams",
        }
        assert self.deliver(name, "token", **{**payload, **more}) == "ok"

    def answer(self, name: str, question: dict[str, Any], value: str | None = None, **more: Any) -> None:
        token = {} if value is None else {"access_token": value, "expires_in": 3600}
        assert self.deliver(name, "answer", id=question["id"], **token, **more) == "ok"
