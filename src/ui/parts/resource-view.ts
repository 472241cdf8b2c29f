import { useEffect, useMemo } from "preact/hooks";
import type { CallError } from "../net/call.ts";
import { Resource } from "../net/resource.ts";

/** What a resource has, kept fresh as long as this part is on the screen. */
export function useResource<T>(resource: Resource<T>): {
  value: T | null;
  error: CallError | null;
} {
  useEffect(() => resource.watch(), [resource]);
  return { value: resource.value.value, error: resource.error.value };
}

/**
 * A resource of this part's own; a new one whenever `key` changes. `isFixed`: it never changes once
 * it is there, as everything that was sealed.
 */
export function useOwnResource<T>(
  key: string,
  ask: () => Promise<T>,
  options: { isFixed?: boolean } = {},
): Resource<T> {
  const everyMs = options.isFixed ? Number.POSITIVE_INFINITY : 0;
  // The key names what is asked for.
  return useMemo(() => new Resource(ask, { everyMs }), [key]);
}
