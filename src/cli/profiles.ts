import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, PeerError } from "../base/error.ts";
import { environment } from "../runtime/terminal.ts";

const profileSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).optional(),
  token: z.string().min(1).optional(),
  tokenFile: z.string().min(1).optional(),
  dataDir: z.string().min(1).optional(),
});

const fileSchema = z.record(z.string(), profileSchema);

export type Profile = z.infer<typeof profileSchema>;

/**
 * Nodes by name, so that no address and no token need be typed: one JSON object, a member a node,
 * in `PEER_PROFILES` or `~/.config/sorcha-peer/profiles.json`. Throws `configuration`.
 */
export async function readProfile(name: string): Promise<Profile> {
  const path = profilesPath();
  const profiles = await readProfiles(path);
  const profile = profiles[name];
  if (profile !== undefined) return withToken(profile);
  const known = Object.keys(profiles).join(", ") || "none";
  throw new PeerError("configuration", "unknown-profile", {
    message: `There is no profile ${name} in ${path}; known: ${known}`,
  });
}

function profilesPath(): string {
  const { PEER_PROFILES, XDG_CONFIG_HOME, HOME = "." } = environment();
  if (PEER_PROFILES !== undefined && PEER_PROFILES !== "") return PEER_PROFILES;
  return join(XDG_CONFIG_HOME ?? join(HOME, ".config"), "sorcha-peer", "profiles.json");
}

async function readProfiles(path: string): Promise<Record<string, Profile>> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new PeerError("configuration", "bad-profiles", {
      message: `The profiles' file ${path} does not exist or may not be read`,
      cause,
    });
  });
  try {
    const parsed = fileSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new Error(`${issue?.path.join(".")}: ${issue?.message}`);
  } catch (cause) {
    throw new PeerError("configuration", "bad-profiles", {
      message: `The profiles in ${path} are not usable: ${messageOf(cause)}`,
      cause,
    });
  }
}

async function withToken(profile: Profile): Promise<Profile> {
  if (profile.tokenFile === undefined) return profile;
  try {
    return { ...profile, token: (await readFile(profile.tokenFile, "utf8")).trim() };
  } catch (cause) {
    throw new PeerError("configuration", "bad-profiles", {
      message: `The profile's token file ${profile.tokenFile} can't be read: ${messageOf(cause)}`,
      cause,
    });
  }
}
