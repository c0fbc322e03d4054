#compdef tool

_tool() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands=(
    'build:build the user'\''s image'
    'store:look after the store'
  )
  _arguments -C \
    '(-V --version)-V[print the version]' \
    '(-V --version)--version[print the version]' \
    '(-h --help)-h[show help]' \
    '(-h --help)--help[show help]' \
    '1:command:->command' \
    '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument) case $line[1] in
      build) _tool_build ;;
      store) _tool_store ;;
    esac ;;
  esac
}

_tool_build() {
  _arguments '*-e[environment \[kept\]\: yes]:NAME=VALUE:_files' \
    '*--env[environment \[kept\]\: yes]:NAME=VALUE:_files' \
    '--executor[what runs it]:name:(crun runc in-builder)' \
    '--output[where to write]:file:_files' \
    '--no-color[no colours]' \
    '(-h --help)-h[show help]' \
    '(-h --help)--help[show help]' \
    '*:file:_files'
}

_tool_store() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands=(
    'prune:make room'
    'verify:check'
  )
  _arguments -C \
    '(-h --help)-h[show help]' \
    '(-h --help)--help[show help]' \
    '1:command:->command' \
    '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument) case $line[1] in
      prune) _tool_store_prune ;;
      verify) _tool_store_verify ;;
    esac ;;
  esac
}

_tool_store_prune() {
  _arguments '--all[everything]' \
    '(-h --help)-h[show help]' \
    '(-h --help)--help[show help]' \
    '*:file:_files'
}

_tool_store_verify() {
  _arguments '(-h --help)-h[show help]' \
    '(-h --help)--help[show help]' \
    '*:file:_files'
}

if [[ $funcstack[1] == _tool ]]; then
  _tool "$@"
else
  compdef _tool tool
fi
