// A real server that answers offline, with a data folder of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Returns a port that is free now, and that stays so while its server is away: none of those
 * that the system gives to connections.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const listener = createServer().listen(port, "127.0.0.1");
    const [event] = await Promise.race([
      once(listener, "listening").then(() => [true]),
      once(listener, "error").then(() => [false]),
    ]);
    listener.close();
    if (event) {
      await once(listener, "close");
      return port;
    }
  }
}

export class Server {
  /** The address of gRPC. */
  readonly grpc: string;
  /** The address of HTTP. */
  readonly http: string;
  #process: ChildProcess | undefined;
  #log = "";

  private constructor(
    private readonly folder: string,
    private readonly ports: readonly [number, number],
    private readonly settings: Record<string, string>,
  ) {
    this.grpc = `http://127.0.0.1:${ports[0]}`;
    this.http = `http://127.0.0.1:${ports[1]}`;
  }

  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const folder = mkdtempSync(join(tmpdir(), "credenza-data-"));
    const server = new Server(folder, [await freePort(), await freePort()], settings);
    await server.restart();
    return server;
  }

  /** Writes a file into the server's folder, and returns its path. */
  static file(content: string): string {
    const path = join(mkdtempSync(join(tmpdir(), "credenza-file-")), "file.yaml");
    writeFileSync(path, content);
    return path;
  }

  async restart(): Promise<void> {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CREDENZA|OPENAI)_/.test(name)));
    const started = spawn(process.env.CREDENZA_BIN ?? "", ["serve"], {
      env: {
        ...env,
        CREDENZA_BACKEND: "offline",
        CREDENZA_GRPC_ADDR: `127.0.0.1:${this.ports[0]}`,
        CREDENZA_HTTP_ADDR: `127.0.0.1:${this.ports[1]}`,
        CREDENZA_DATA_DIR: this.folder,
        ...this.settings,
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    started.stderr.on("data", (text) => {
      this.#log += text;
    });
    this.#process = started;
    for (let i = 0; i < 300; i++) {
      if (started.exitCode !== null) {
        break;
      }
      const answer = await fetch(`${this.http}/readyz`).catch(() => undefined);
      if (answer?.ok) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the server did not start: ${this.#log}`);
  }

  /** Ends the server without a warning. */
  async kill(): Promise<void> {
    const ended = this.#process;
    if (ended !== undefined && ended.exitCode === null && ended.signalCode === null) {
      ended.kill("SIGKILL");
      await once(ended, "exit");
    }
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
