import { expect, test, vi } from "vitest";
import { until } from "../testing/clock.js";
import { giveLifeSigns, onLifeSign } from "./life-signs.js";

const OURS = "http://localhost:8888/user/alice/lab/extensions/oidc-widget/static/";
const THEIRS = "http://localhost:8888/user/bob/lab/extensions/oidc-widget/static/";

test("a page learns of a vault that was there before it, and of one that comes later; not of another server's", async () => {
  const [early, late, other] = [vi.fn(), vi.fn(), vi.fn()];
  onLifeSign(OURS, early);
  onLifeSign(THEIRS, other);
  giveLifeSigns(OURS);
  await until(() => early.mock.calls.length === 1);
  onLifeSign(OURS, late);
  await until(() => late.mock.calls.length === 1);
  expect(other).not.toHaveBeenCalled();
});
