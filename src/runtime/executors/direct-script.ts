/** The shell program that starts a process with exactly its own environment and no sandbox around it. */

/**
 * Arguments: the path of cat, then the final command. The environment comes on descriptor 5 as export
 * commands, so that it never shows in any argv and no program of the machine runs with it.
 */
export const directScript = `
cat=$1
shift
unset LC_ALL OLDPWD PATH PWD
eval "$("$cat" <&5)"
printf 'started' >&3
exec 2>&4 3>&- 4>&- 5<&-
exec "$@"
`;
