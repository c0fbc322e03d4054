# fish completion for tool
function __tool_at
    set -l path
    for word in (commandline -opc)[2..]
        if contains -- (string join ' ' -- $path $word) 'build' 'store' 'store prune' 'store verify'
            set -a path $word
        end
    end
    test "$path" = "$argv"
end

complete -c tool -n '__tool_at' -f -a build -d 'build the user\'s image'
complete -c tool -n '__tool_at' -f -a store -d 'look after the store'
complete -c tool -n '__tool_at' -s V -l version -d 'print the version'
complete -c tool -n '__tool_at' -s h -l help -d 'show help'
complete -c tool -n '__tool_at build' -s e -l env -r -d 'environment [kept]: yes'
complete -c tool -n '__tool_at build' -l executor -x -a 'crun runc in-builder' -d 'what runs it'
complete -c tool -n '__tool_at build' -l output -r -d 'where to write'
complete -c tool -n '__tool_at build' -l no-color -d 'no colours'
complete -c tool -n '__tool_at build' -s h -l help -d 'show help'
complete -c tool -n '__tool_at store' -f -a prune -d 'make room'
complete -c tool -n '__tool_at store' -f -a verify -d 'check'
complete -c tool -n '__tool_at store' -s h -l help -d 'show help'
complete -c tool -n '__tool_at store prune' -l all -d 'everything'
complete -c tool -n '__tool_at store prune' -s h -l help -d 'show help'
complete -c tool -n '__tool_at store verify' -s h -l help -d 'show help'
