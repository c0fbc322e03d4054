# bash completion for tool
_tool() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  local path='' word skip=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == '=' ]]; then skip=1; continue; fi
    if ((skip)); then skip=0; continue; fi
    case "$path $word" in
      ' build') path=' build' ;;
      ' store') path=' store' ;;
      ' store prune') path=' store prune' ;;
      ' store verify') path=' store verify' ;;
      ' build -e'|' build --env'|' build --executor'|' build --output') skip=1 ;;
    esac
  done
  # bash makes "=" a word of its own
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
  case "$path $prev" in
    ' build -e'|' build --env') return ;;
    ' build --executor') COMPREPLY=($(compgen -W 'crun runc in-builder' -- "$cur")); return ;;
    ' build --output') return ;;
  esac
  case "$path" in
    '') if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-V --version -h --help' -- "$cur")); else COMPREPLY=($(compgen -W 'build store' -- "$cur")); fi ;;
    ' build') if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-e --env --executor --output --no-color -h --help' -- "$cur")); fi ;;
    ' store') if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help' -- "$cur")); else COMPREPLY=($(compgen -W 'prune verify' -- "$cur")); fi ;;
    ' store prune') if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--all -h --help' -- "$cur")); fi ;;
    ' store verify') if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help' -- "$cur")); fi ;;
  esac
}
complete -o bashdefault -o default -F _tool tool
