import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import { scopeOf, type VaultSettings } from "../vault/messages.js";
import type { ISignIns } from "./tokens.js";

export const SETTINGS_ID = "oidc-widget:sign-ins";

/** Keeps the vault's settings the same as the person's, also in a vault that has taken another's place. */
export function followSettings(
  { host, vault }: ISignIns,
  registry: ISettingRegistry,
  settings: ISettingRegistry.ISettings,
): void {
  const read = (): VaultSettings => {
    const { confirmSharing, staySignedIn, staySignedInHours } = settings.composite;
    return {
      confirmSharing: confirmSharing === true,
      persistHours: staySignedIn === true ? Number(staySignedInHours ?? 0) : 0,
    };
  };
  const tell = () => vault.send({ type: "settings", settings: read() });
  settings.changed.connect(tell);
  // JupyterLab does not tell a tab what was set in another one, and here the last word counts.
  vault.onConnected(() => void registry.reload(SETTINGS_ID).then(tell, tell));
  // Whoever stays signed in has a session to be taken up; whoever did so once, perhaps one to be erased.
  void hasStore(scopeOf(host.filesUrl)).then((kept) => {
    if (kept || read().persistHours > 0) void vault.connect();
  });
}

async function hasStore(name: string): Promise<boolean> {
  try {
    return (await indexedDB.databases()).some((store) => store.name === name);
  } catch {
    return false; // a browser that keeps nothing, or does not say: the next vault erases what there is
  }
}
