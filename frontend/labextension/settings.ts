import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import type { VaultSettings } from "../vault/messages.js";
import type { Lines } from "./tokens.js";

export const SETTINGS_ID = "oidc-widget:sign-ins";

/** Keeps the vault's settings the same as the person's, also in a vault that has taken another's place. */
export function followSettings(
  { delivery }: Lines,
  registry: ISettingRegistry,
  settings: ISettingRegistry.ISettings,
): void {
  const read = (): VaultSettings => ({ confirmSharing: settings.composite.confirmSharing === true });
  const tell = () => delivery.send({ type: "settings", settings: read() });
  settings.changed.connect(tell);
  // JupyterLab does not tell a tab what was set in another one, and here the last word counts.
  delivery.onConnected(() => void registry.reload(SETTINGS_ID).then(tell, tell));
}
