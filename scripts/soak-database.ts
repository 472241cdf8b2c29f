/**
 * A PostgreSQL of the soak's own, whose postmaster is a child of this process: it can be killed by
 * its pid as a power cut would, and started again on the same data. Durable as in production:
 * nothing that makes it faster at the price of its promises is set.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { findPrograms, freePort, run, unprivileged } from "./test-database.ts";

export class SoakDatabase {
  #postmaster: Bun.Subprocess | null = null;

  private constructor(
    private readonly programs: string,
    private readonly place: { folder: string; port: number; runAs: string[] },
  ) {}

  /** In the folder given, or one of its own. Null where PostgreSQL is not installed. */
  static async make(folder = newFolder()): Promise<SoakDatabase | null> {
    const programs = findPrograms();
    if (programs === null) return null;
    const runAs = process.getuid?.() === 0 ? unprivileged(folder) : [];
    const data = join(folder, "data");
    run([...runAs, join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust"]);
    const database = new SoakDatabase(programs, { folder, port: await freePort(), runAs });
    await database.start();
    return database;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.place.port}/postgres`;
  }

  /** Resolves once it answers. The first tries after a kill may find its old children dying. */
  async start(): Promise<void> {
    const { folder, port, runAs } = this.place;
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (this.#postmaster === null || this.#postmaster.exitCode !== null) {
        const where = ["-D", join(folder, "data"), "-p", String(port), "-h", "127.0.0.1"];
        this.#postmaster = Bun.spawn(
          [...runAs, join(this.programs, "postgres"), ...where, "-k", folder],
          { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "ignore" },
        );
      }
      if (await this.#answers()) return;
      await Bun.sleep(100);
    }
    throw new Error("The soak's PostgreSQL does not come back");
  }

  async kill(): Promise<void> {
    this.#postmaster?.kill("SIGKILL");
    await this.#postmaster?.exited;
    this.#postmaster = null;
  }

  async remove(): Promise<void> {
    this.#postmaster?.kill("SIGINT");
    await this.#postmaster?.exited;
    rmSync(this.place.folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    const sql = postgres(this.url, { max: 1, connect_timeout: 1, onnotice: () => {} });
    const answer = await sql`SELECT 1`.then(
      () => true,
      () => false,
    );
    await sql.end({ timeout: 1 });
    return answer;
  }
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "sorcha-peer-soak-database-"));
}
