/**
 * Owns the operator's token: in memory, and in the tab's session storage so that a reload keeps it.
 * It never goes into a cookie, local storage, an address or another tab.
 */
import { computed, signal } from "@preact/signals";

export const token = signal<string | null>(readStored());

/** What the token says of itself. Nobody but the node can tell whether it is good. */
export interface Claims {
  subject: string;
  isService: boolean;
  organisation: string | null;
  roles: string[];
  expiresAtMs: number | null;
}

export const claims = computed<Claims | null>(() =>
  token.value === null ? null : readClaims(token.value),
);

export const isSignedIn = computed(() => token.value !== null);

const storageName = "sorcha-peer-token";

export function signIn(text: string): void {
  token.value = text;
  try {
    sessionStorage.setItem(storageName, text);
  } catch {
    // A browser that stores nothing keeps it until the page is left.
  }
}

export function signOut(): void {
  token.value = null;
  try {
    sessionStorage.removeItem(storageName);
  } catch {
    // Nothing was stored.
  }
}

/** Why a text is no token; null: it looks like one. */
export function whyNoToken(text: string): string | null {
  if (text === "") return "Paste a token first.";
  if (text.split(".").length !== 3) return "A token has three parts with dots between.";
  return readClaims(text) === null ? "The token cannot be read: was it pasted whole?" : null;
}

/** A token that the demo put into the address after the hash; taken out of it at once. */
export function takeTokenFromAddress(): void {
  const found = /^#token=([\w.-]+)$/.exec(location.hash);
  if (found === null) return;
  history.replaceState(null, "", `${location.pathname}#/`);
  if (whyNoToken(found[1] ?? "") === null) signIn(found[1] ?? "");
}

function readStored(): string | null {
  try {
    return sessionStorage.getItem("sorcha-peer-token");
  } catch {
    return null;
  }
}

function readClaims(text: string): Claims | null {
  try {
    const part = (text.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const said = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const roles = Array.isArray(said.role) ? said.role : [said.role];
    return {
      subject: typeof said.sub === "string" ? said.sub : "unknown",
      isService: said.token_type === "service",
      organisation: typeof said.org_id === "string" ? said.org_id : null,
      roles: roles.filter((role) => typeof role === "string"),
      expiresAtMs: typeof said.exp === "number" ? said.exp * 1_000 : null,
    };
  } catch {
    return null;
  }
}
