// SPDX-License-Identifier: Apache-2.0
// The completion scripts. All three ask `coffer __complete WORDS...`, which answers in the form that docker's own
// completion understands (spf13/cobra): candidates, one on each line with a tab before what they mean, then `:4`,
// or `:0` where a file may stand.

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = `# bash completion for coffer
_coffer() {
  local reply line current
  current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  reply="$(coffer __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" || return
  while IFS= read -r line; do
    case "$line" in
      :0) [ "\${#COMPREPLY[@]}" -gt 0 ] || compopt -o default 2>/dev/null ;;
      :*) ;;
      *)
        line="\${line%%$'\\t'*}"
        # A word that holds a = is several words to bash.
        COMPREPLY+=("\${line##*=}")
        [ "\${line%=}" = "$line" ] || { COMPREPLY[-1]="$line"; compopt -o nospace 2>/dev/null; }
        ;;
    esac
  done <<< "$reply"
}
complete -F _coffer coffer`;

const ZSH = `#compdef coffer
# zsh completion for coffer
_coffer() {
  local line reply files=0
  local -a candidates
  reply="$(coffer __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)" || return
  for line in "\${(@f)reply}"; do
    case "$line" in
      :0) files=1 ;;
      :*) ;;
      *) candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  _describe 'coffer' candidates
  (( files )) && _files
}
if [ "$funcstack[1]" = _coffer ]; then
  _coffer "$@"
else
  compdef _coffer coffer
fi`;

const FISH = `# fish completion for coffer
function __coffer_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l reply (coffer __complete $words[2..-1] 2>/dev/null)
  for line in $reply
    switch $line
      case ':0'
        __fish_complete_path (commandline -ct)
      case ':*'
      case '*'
        echo $line
    end
  end
end
complete -c coffer -f -a '(__coffer_complete)'`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

/** The script that a shell sources to complete `coffer`. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}
