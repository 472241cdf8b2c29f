/** Where a request goes. One of HTTP/1.0 may come without a host, and has a path alone. */
export function urlOf(request: Request): URL {
  return new URL(request.url, "http://localhost");
}
