export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/**
 * Reads `text/event-stream` from parts that end anywhere. The browser's own reader can't send a
 * token, and tokens do not belong into addresses. A line longer than `lineMax` is given up.
 */
export class ServerEvents {
  #rest = "";
  #id = "";
  #event = "message";
  #data: string[] = [];

  push(part: string): ServerEvent[] {
    const text = this.#rest + part;
    // A line feed may still come: together they end one line.
    const isHalfEnded = text.endsWith("\r");
    const lines = (isHalfEnded ? text.slice(0, -1) : text).split(/\r\n|\n|\r/);
    this.#rest = `${(lines.pop() ?? "").slice(0, lineMax)}${isHalfEnded ? "\r" : ""}`;
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): ServerEvent[] {
    if (line === "") return this.#end();
    const at = line.indexOf(":");
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "id") this.#id = value;
    else if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    return [];
  }

  #end(): ServerEvent[] {
    const data = this.#data;
    const event = { id: this.#id, event: this.#event, data: data.join("\n") };
    this.#data = [];
    this.#event = "message";
    return data.length === 0 ? [] : [event];
  }
}

const lineMax = 1_000_000;
