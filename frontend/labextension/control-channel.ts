import { type Kernel, KernelMessage } from "@jupyterlab/services";
import type { VaultClient } from "../client/vault-client.js";
import type { Delivery, DeliveryResult, FromVault } from "../vault/messages.js";

const MESSAGE_TYPE = "oidc_widget_deliver";

/** A kernel that this page is connected to, and where a person finds it. */
export interface ConnectedKernel {
  connection: Kernel.IKernelConnection;
  path: string;
  name: string;
}

/**
 * Brings the vault's messages to kernels over their control channel, which ipykernel serves on a thread of its own, so
 * that a token arrives while a cell runs. A message goes to the kernel that the vault names and to no other; those for
 * one kernel that come at once (a session with many widgets) go as one, since each costs the kernel, the server and
 * JupyterLab four messages.
 */
export class ControlChannel {
  readonly #vault: VaultClient;
  readonly #connected: () => Iterable<ConnectedKernel>;
  readonly #kernels: Kernel.IManager;
  /** Connections of our own, kept for the next token. */
  readonly #visited = new Map<string, Kernel.IKernelConnection>();
  /** What is to be said in this turn. */
  readonly #unsaid = new Map<Kernel.IKernelConnection, Question[]>();
  /** Ends the turn: a timer would be slow in a page that nobody looks at. */
  readonly #turn = new MessageChannel();

  constructor(vault: VaultClient, connected: () => Iterable<ConnectedKernel>, kernels: Kernel.IManager) {
    this.#vault = vault;
    this.#connected = connected;
    this.#kernels = kernels;
    this.#turn.port1.onmessage = () => this.#say();
    vault.listen((message) => {
      if (message.type === "deliver" && message.delivery > 0) void this.#deliver(message);
    });
  }

  async #deliver({ delivery, message, kernel_id, visit }: FromVault & { type: "deliver" }): Promise<void> {
    const vaultId = this.#vault.id;
    const owner = kernel_id === undefined ? undefined : this.#find(kernel_id);
    let result: DeliveryResult = "not_mine";
    let signed_out: boolean | undefined;
    try {
      const connection = owner?.connection ?? (visit && kernel_id ? await this.#visit(kernel_id) : undefined);
      if (connection) {
        const reply = await this.#ask(connection, message);
        signed_out = reply.signed_out === true;
        if (reply.status === "ok") result = "delivered";
        else if (reply.reason !== "unknown_link") result = "failed"; // a restarted kernel knows none of the old widgets
      }
    } catch {
      result = "failed"; // the kernel died, or the connection is lost: the vault tries the other lane
    }
    if (this.#vault.id !== vaultId) return; // the next one counts anew, and would take this for its own
    const place = owner && { path: owner.path, name: owner.name };
    this.#vault.send({ type: "result", delivery, result, place, signed_out });
  }

  #ask(connection: Kernel.IKernelConnection, content: Delivery): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const unsaid = this.#unsaid.get(connection) ?? [];
      if (this.#unsaid.size === 0) this.#turn.port2.postMessage(null);
      this.#unsaid.set(connection, [...unsaid, { content, resolve, reject }]);
    });
  }

  #say(): void {
    for (const [connection, questions] of this.#unsaid) void say(connection, questions);
    this.#unsaid.clear();
  }

  #find(kernelId: string): ConnectedKernel | undefined {
    for (const kernel of this.#connected()) {
      if (kernel.connection.id === kernelId) return kernel;
    }
    return undefined;
  }

  /** A kernel that runs on although no page shows its notebook. */
  async #visit(id: string): Promise<Kernel.IKernelConnection | undefined> {
    const model = await this.#kernels.findById(id);
    if (!model) {
      this.#visited.get(id)?.dispose();
      this.#visited.delete(id);
      return undefined;
    }
    let connection = this.#visited.get(id);
    if (!connection || connection.isDisposed) {
      connection = this.#kernels.connectTo({ model, handleComms: false });
      this.#visited.set(id, connection);
    }
    return connection;
  }
}

/** One delivery on its way to a kernel. */
interface Question {
  content: Delivery;
  resolve(reply: Reply): void;
  reject(cause: unknown): void;
}

interface Reply {
  status?: string;
  reason?: string;
  /** The token is of a session that was signed out of in the kernel. */
  signed_out?: boolean;
}

/** One goes as it is; several as `deliveries`, and the answer of each is among the `replies`. */
async function say(connection: Kernel.IKernelConnection, questions: Question[]): Promise<void> {
  const deliveries = questions.map(({ content }) => content);
  const one = deliveries.length === 1;
  try {
    const reply = await ask(connection, one ? deliveries[0] : { deliveries });
    const replies = one ? [reply] : reply.replies;
    if (!replies) {
      for (const question of questions) void say(connection, [question]); // to an older kernel
      return;
    }
    for (const [index, { resolve }] of questions.entries()) resolve(replies[index] ?? {});
  } catch (cause) {
    for (const { reject } of questions) reject(cause);
  }
}

async function ask(connection: Kernel.IKernelConnection, content: object): Promise<Reply & { replies?: Reply[] }> {
  // JupyterLab's types know only the message types of the protocol; its code sends any.
  const message = KernelMessage.createMessage({
    channel: "control",
    msgType: MESSAGE_TYPE,
    session: connection.clientId,
    username: connection.username,
    content,
  } as never) as unknown as KernelMessage.IControlMessage;
  const reply = await connection.sendControlMessage(message, true, true).done;
  return (reply?.content ?? {}) as Reply;
}
