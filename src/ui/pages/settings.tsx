import { useState } from "preact/hooks";
import { call } from "../net/call.ts";
import { health } from "../net/node-state.ts";
import { claims, isSignedIn, signIn, signOut, token, whyNoToken } from "../net/session.ts";
import type { Answer } from "../net/ways.ts";
import { Badge } from "../parts/badge.tsx";
import { Card, Empty, Facts, Fault, Loading } from "../parts/card.tsx";
import { ask, tellNote } from "../parts/dialog.tsx";
import { Foreign } from "../parts/foreign.tsx";
import { nowMs } from "../parts/now.ts";
import { PageHead } from "../parts/page-head.tsx";
import { useOwnResource, useResource } from "../parts/resource-view.ts";
import { SearchBox } from "../parts/search-box.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { setTheme, type Theme, theme } from "../theme.ts";
import { agoText } from "../words/numbers.ts";

/** Who looks, how it looks, and what the node was told. */
export function SettingsPage() {
  const report = useResource(health).value;
  return (
    <>
      <PageHead
        name="Settings"
        title="Settings"
        note="Who looks, how it looks, and what the node was told"
      />
      <div class="split">
        <Card title="Token">{isSignedIn.value ? <SignedIn /> : <SignIn />}</Card>
        <Card title="This page">
          <div class="stack">
            <div class="inline-field">
              <span>Colours</span>
              <Tabs
                label="Colours"
                value={theme.value}
                onChange={(value: Theme) => setTheme(value)}
                tabs={[
                  { value: "system", label: "As the system" },
                  { value: "light", label: "Light" },
                  { value: "dark", label: "Dark" },
                ]}
              />
            </div>
            <p class="muted small">
              {report === null ? "" : `sorcha-peer ${report.version}. `}
              The page asks no other host for anything. The same can be done with the command line,
              and over <a href="/scalar">the API</a>.
            </p>
          </div>
        </Card>
      </div>
      <Configuration />
    </>
  );
}

function SignIn() {
  const [text, setText] = useState("");
  const [error, setError] = useState<string | null>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const wrong = whyNoToken(text.trim());
    setError(wrong);
    if (wrong !== null) return;
    signIn(text.trim());
    void tellNote("The token is in use.");
  };
  return (
    <form class="stack" onSubmit={submit}>
      <div class="field">
        <label for="token">Bearer token</label>
        <input
          id="token"
          type="password"
          value={text}
          autocomplete="off"
          spellcheck={false}
          maxLength={16_384}
          aria-describedby="token-hint"
          aria-invalid={error !== null}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <p id="token-hint" class="small muted">
          Looking needs none; changing anything does. Kept in this tab until it is closed. On the
          node’s own machine: <code>sorcha-peer token --service --data-dir DIR</code>
        </p>
      </div>
      {error === null ? null : <Fault message={error} />}
      <div>
        <button type="submit" class="button primary">
          Use this token
        </button>
      </div>
    </form>
  );
}

function SignedIn() {
  const said = claims.value;
  if (said === null) return null;
  const expires = said.expiresAtMs === null ? null : new Date(said.expiresAtMs).toISOString();
  const isOver = said.expiresAtMs !== null && said.expiresAtMs < nowMs.value;
  return (
    <div class="stack">
      <Facts
        facts={[
          { name: "Stands for", value: <Foreign text={said.subject} max={60} /> },
          { name: "Kind", value: said.isService ? "service: may do everything" : "user" },
          said.organisation === null
            ? null
            : { name: "Organisation", value: <Foreign text={said.organisation} max={60} /> },
          said.roles.length === 0
            ? null
            : { name: "Roles", value: <Foreign text={said.roles.join(", ")} max={120} /> },
          {
            name: "Ends",
            value: isOver ? <Badge tone="bad">over</Badge> : agoText(expires, nowMs.value),
          },
        ]}
      />
      <div class="actions">
        <button type="button" class="button" onClick={signOut}>
          Forget it here
        </button>
        <button type="button" class="button danger" onClick={askRevoke}>
          Revoke it
        </button>
        <button type="button" class="button" onClick={askRevokeOther}>
          Revoke another
        </button>
      </div>
    </div>
  );
}

function askRevoke(): void {
  ask({
    title: "Revoke this token",
    text: "It counts no longer, here and for everybody else who has it, also after a restart of the node.",
    action: "Revoke",
    isDangerous: true,
    run: async () => {
      await call("revokeOwnToken");
      signOut();
      return "The token counts no longer.";
    },
  });
}

function askRevokeOther(): void {
  ask({
    title: "Revoke another token",
    text: "For a token that leaked: it counts no longer, for anybody, also after a restart of the node. Its text or, where nobody has that, its id (jti).",
    fields: [
      {
        name: "token",
        label: "Token or its id",
        isRequired: true,
        isSecret: true,
        lengthMax: 16_384,
      },
    ],
    action: "Revoke",
    isDangerous: true,
    run: async ({ token: text = "" }) => {
      const isWhole = whyNoToken(text.trim()) === null;
      const body = isWhole ? { token: text.trim() } : { tokenId: text.trim() };
      const { revokedUntil } = await call("revokeToken", { body });
      return `It counts no longer; noted until ${revokedUntil.slice(0, 10)}.`;
    },
  });
}

type Row = Answer<"listSettings">[number];

function Configuration() {
  return (
    <Card title="What the node was told" isFlush>
      {isSignedIn.value ? (
        <ConfigurationTable />
      ) : (
        <Empty icon="lock" title="The node’s settings are for operators.">
          Enter a token above. Secrets stay masked even then.
        </Empty>
      )}
    </Card>
  );
}

function ConfigurationTable() {
  const asked = useOwnResource(`settings ${token.value}`, () => call("listSettings"));
  const { value: rows, error } = useResource(asked);
  const [search, setSearch] = useState("");
  if (rows === null) return error === null ? <Loading /> : <Fault message={error.message} />;
  const text = search.trim().toLowerCase();
  const matching = rows.filter(
    (row) => row.key.toLowerCase().includes(text) || row.description.toLowerCase().includes(text),
  );
  return (
    <>
      <div class="toolbar inside">
        <SearchBox label="Search settings" value={search} onInput={setSearch} />
      </div>
      <Table
        label="Settings in force"
        rows={matching}
        columns={columns}
        keyOf={(row) => row.key}
        empty={<Empty title="No setting matches." />}
      />
    </>
  );
}

function valueText(value: Row["value"]): string {
  if (value === null) return "–";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
  return String(value);
}

const columns: Column<Row>[] = [
  {
    key: "key",
    title: "Setting",
    share: 1.6,
    narrow: "main",
    cell: (row) => <code title={row.variable}>{row.key}</code>,
    order: (left, right) => (left.key < right.key ? -1 : 1),
  },
  {
    key: "value",
    title: "Value",
    share: 2,
    narrow: "sub",
    cell: (row) => <Foreign text={valueText(row.value)} max={80} class="mono small" />,
  },
  {
    key: "source",
    title: "From",
    share: 1,
    narrow: "side",
    cell: (row) => <Badge tone={row.source === "default" ? "plain" : "info"}>{row.source}</Badge>,
    order: (left, right) => (left.source < right.source ? -1 : 1),
  },
  {
    key: "description",
    title: "Meaning",
    share: 4,
    narrow: "none",
    cell: (row) => (
      <span class="muted cell-name" title={row.description}>
        {row.description}
      </span>
    ),
  },
];
