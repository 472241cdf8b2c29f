import { Argument, type Command } from "commander";
import { writeLine } from "./print.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

/** After all other commands, since it lists them. */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("Print what makes a shell complete this program's commands and options")
    .addArgument(new Argument("<shell>", "whose language").choices(shells))
    .addHelpText(
      "after",
      "\nExamples:" +
        "\n  sorcha-peer completion bash > /etc/bash_completion.d/sorcha-peer" +
        "\n  sorcha-peer completion zsh > ~/.zsh/sorcha-peer.zsh   # and source it in ~/.zshrc" +
        "\n  sorcha-peer completion fish > ~/.config/fish/completions/sorcha-peer.fish",
    )
    .action((shell: Shell) => writeLine(scripts[shell](wordsOf(program))));
}

interface Words {
  /** The command so far: `registers list`; "" is the program itself. */
  path: string;
  words: { word: string; description: string }[];
}

const scripts: Record<Shell, (all: Words[]) => string> = {
  bash: bashScript,
  zsh: (all) => `autoload -U +X bashcompinit && bashcompinit\n${bashScript(all)}`,
  fish: fishScript,
};

/** Every command with what may follow it. */
function wordsOf(command: Command, path = ""): Words[] {
  const subcommands = command.commands.map((one) => ({
    word: one.name(),
    description: one.description(),
  }));
  const options = command.options.flatMap((option) =>
    option.long === undefined || option.long === null
      ? []
      : [{ word: option.long, description: option.description }],
  );
  const help = { word: "--help", description: "what it does, with an example" };
  const own = { path, words: [...subcommands, ...options, help] };
  const below = command.commands.flatMap((one) => wordsOf(one, `${path} ${one.name()}`.trim()));
  return [own, ...below];
}

/** Walks the words before the cursor as far as they are commands; files where nothing fits. */
function bashScript(all: Words[]): string {
  const cases = all.map(({ path, words }) => {
    const list = words.map(({ word }) => word).join(" ");
    return `    ${JSON.stringify(path)}) words=${JSON.stringify(list)} ;;`;
  });
  const paths = all.map(({ path }) => JSON.stringify(path)).join("|");
  return `_sorcha_peer() {
  local path="" word words="" current="\${COMP_WORDS[COMP_CWORD]}" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "\${path:+$path }$word" in
      ${paths}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _sorcha_peer sorcha-peer`;
}

function fishScript(all: Words[]): string {
  const lines = all.flatMap(({ path, words }) =>
    words.map(({ word, description }) => {
      const isOption = word.startsWith("--");
      const what = isOption ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      const condition = `__sorcha_peer_at ${JSON.stringify(path)}`;
      return `complete -c sorcha-peer -n '${condition}' ${what} -d ${quoted(description)}`;
    }),
  );
  const paths = all.map(({ path }) => JSON.stringify(path)).join(" ");
  return `function __sorcha_peer_at
  set -l path ""
  for word in (commandline -opc)[2..-1]
    set -l longer (string trim "$path $word")
    contains -- "$longer" ${paths}; and set path $longer
  end
  test "$path" = "$argv[1]"
end
${lines.join("\n")}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
