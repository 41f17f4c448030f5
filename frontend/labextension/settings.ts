import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import type { VaultClient } from "../page/vault-client.js";

export const SETTINGS_ID = "oidc-widget:sign-ins";

/** Keeps the vault's settings the same as the person's, also in a vault that has taken another's place. */
export function followSettings(vault: VaultClient, settings: ISettingRegistry.ISettings): void {
  const tell = () => {
    const { confirmSharing, staySignedIn, staySignedInHours } = settings.composite;
    vault.send({
      type: "settings",
      settings: {
        confirmSharing: confirmSharing === true,
        persistHours: staySignedIn === true ? Number(staySignedInHours ?? 0) : 0,
      },
    });
  };
  settings.changed.connect(tell);
  vault.onConnected(tell);
}
