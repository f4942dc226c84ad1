// completion bash|zsh|fish: made from the parser itself, so that it cannot fall behind

#include <fmt/format.h>

#include "cli/command_line.h"

namespace posthorn::cli {

namespace {

/// "a b" for `posthorn a b`, with its sub-commands and options.
void collect(const CLI::App& command, const std::string& path,
             std::vector<std::pair<std::string, std::string>>& words) {
  std::string list;
  for (const auto* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name().empty() || sub->get_group().empty()) continue;  // hidden
    list += sub->get_name() + " ";
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), words);
  }
  for (const auto* option : command.get_options())
    for (const auto& name : option->get_lnames()) list += "--" + name + " ";
  words.emplace_back(path, list);
}

std::string for_bash(const std::vector<std::pair<std::string, std::string>>& words) {
  std::string out =
      "_posthorn() {\n  local path='' word i\n  for ((i = 1; i < COMP_CWORD; i++)); do\n    "
      "word=${COMP_WORDS[i]}\n"
      "    case $word in -*) ;; *) path+=\"${path:+ }$word\" ;; esac\n  done\n  local words=''\n  "
      "while :; do\n    case $path in\n";
  for (const auto& [path, list] : words)
    out += fmt::format("      '{}') words='{}' ;;\n", path, list);
  out +=
      "    esac\n    [ -n \"$words\" ] && break\n    case $path in *' '*) path=${path% *} ;; *) "
      "path='' ;; esac\n  done\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o "
      "default -F _posthorn posthorn\n";
  return out;
}

std::string for_fish(const std::vector<std::pair<std::string, std::string>>& words) {
  std::string out =
      "function __posthorn_path\n  set -l path\n  for word in (commandline -opc)[2..-1]\n"
      "    string match -q -- '-*' $word; or set -a path $word\n  end\n  echo (string join ' ' "
      "$path)\nend\n";
  for (const auto& [path, list] : words)
    out += fmt::format("complete -c posthorn -n 'test (__posthorn_path) = \"{}\"' -f -a '{}'\n",
                       path, list);
  return out;
}

}  // namespace

void add_completion(CLI::App& root, Context& context) {
  auto shell = std::make_shared<std::string>();
  auto* completion = root.add_subcommand("completion", "A completion script for your shell");
  completion->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer(
      "Examples:\n  source <(posthorn completion bash)\n  posthorn completion fish > "
      "~/.config/fish/completions/posthorn.fish");
  completion->callback([&root, &context, shell] {
    context.action = [&root, shell] {
      std::vector<std::pair<std::string, std::string>> words;
      collect(root, "", words);
      if (*shell == "fish") {
        fmt::print("{}", for_fish(words));
      } else {
        if (*shell == "zsh") fmt::print("autoload -U +X bashcompinit && bashcompinit\n");
        fmt::print("{}", for_bash(words));
      }
      return static_cast<int>(done);
    };
  });
}

}  // namespace posthorn::cli
