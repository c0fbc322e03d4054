/** The shell program that builds the sandbox of the util-linux executor. */

/**
 * Arguments: the root filesystem, the two fstab files, the names of the device files to make between
 * them, the host name, `move` or `stay`, whether the root is read-only, the paths of mount, cat and ln,
 * of hostname and ip or nothing where they are not used; then `--` and the final command.
 *
 * `move` makes the root filesystem the root of the mount namespace, so that not even CAP_SYS_CHROOT finds
 * a way back; `stay` leaves that to the chroot of a process without any capability.
 */
export const sandboxScript = `
fail() { printf '%s\\n' "$1" >&2; exit 125; }
root=$1 first=$2 second=$3 devices=$4 host=$5 enter=$6 readonly=$7
mount=$8 cat=$9
shift 9
ln=$1 hostname=$2 ip=$3
shift 4
"$mount" -n -a -T "$first" || fail 'mounting the root filesystem failed'
for name in $devices; do : > "$root/dev/$name" || fail "making /dev/$name failed"; done
"$ln" -s /proc/self/fd "$root/dev/fd" && "$ln" -s /proc/self/fd/0 "$root/dev/stdin" &&
  "$ln" -s /proc/self/fd/1 "$root/dev/stdout" && "$ln" -s /proc/self/fd/2 "$root/dev/stderr" &&
  "$ln" -s pts/ptmx "$root/dev/ptmx" || fail 'filling /dev failed'
"$mount" -n -a -T "$second" || fail 'mounting failed'
if [ -n "$readonly" ]; then "$mount" -n -o remount,bind,ro "$root" || fail 'making the root read-only failed'; fi
if [ -n "$hostname" ]; then "$hostname" "$host"; fi
if [ -n "$ip" ]; then "$ip" link set lo up; fi
cd "$root" || fail 'entering the root filesystem failed'
if [ "$enter" = move ]; then "$mount" -n --move . / || fail 'moving the root filesystem failed'; fi
unset LC_ALL OLDPWD PATH PWD
eval "$("$cat" <&5)"
printf 'started' >&3
exec 2>&4 3>&- 4>&- 5<&-
exec "$@"
`;
