// Files that Bun brings in as text or as a path (`with { type: "text" | "file" }`).
declare module "*.proto" {
  const text: string;
  export default text;
}
declare module "*.sql" {
  const text: string;
  export default text;
}
declare module "*.wasm" {
  const path: string;
  export default path;
}
declare module "*.data" {
  const path: string;
  export default path;
}
declare module "*.md" {
  const text: string;
  export default text;
}
declare module "*.gz" {
  const path: string;
  export default path;
}
declare module "*.tgz" {
  const path: string;
  export default path;
}
