import { expect, test, vi } from "vitest";
import { until } from "../testing/clock.js";
import { bePresent, onPresence } from "./presence.js";

const OURS = "http://localhost:8888/user/alice/lab/extensions/oidc-widget/static/";
const THEIRS = "http://localhost:8888/user/bob/lab/extensions/oidc-widget/static/";

test("a page learns of a vault that was there before it, and of one that comes later; not of another server's", async () => {
  const [early, late, other] = [vi.fn(), vi.fn(), vi.fn()];
  onPresence(OURS, early);
  onPresence(THEIRS, other);
  bePresent(OURS);
  await until(() => early.mock.calls.length === 1);
  onPresence(OURS, late);
  await until(() => late.mock.calls.length === 1);
  expect(other).not.toHaveBeenCalled();
});
