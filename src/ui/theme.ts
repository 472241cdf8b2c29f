/** Owns the choice between light and dark. Without a choice the system's wish counts. */
import { computed, effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const storageName = "sorcha-peer-theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isSystemDark = signal(systemDark.matches);

export const theme = signal<Theme>(readStored());
export const isDark = computed(() =>
  theme.value === "system" ? isSystemDark.value : theme.value === "dark",
);

/** Runs as long as the page is there. */
export function startTheme(): void {
  systemDark.addEventListener("change", () => {
    isSystemDark.value = systemDark.matches;
  });
  effect(() => {
    document.documentElement.dataset.theme = isDark.value ? "dark" : "light";
  });
}

export function setTheme(chosen: Theme): void {
  theme.value = chosen;
  try {
    localStorage.setItem(storageName, chosen);
  } catch {
    // A browser that stores nothing forgets the choice with the page.
  }
}

function readStored(): Theme {
  try {
    const stored = localStorage.getItem(storageName);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}
