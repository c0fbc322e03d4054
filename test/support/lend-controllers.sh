# Gives version 2 of control groups the controllers pids and cpu for a while, and a user a group there. What version 1
# had is given back when the input of this script ends, however its parent ended; two of these wait for one another.
# Arguments: a file for the lock, uid:gid. Prints the directory of the group.
set -u
lock=$1 owner=$2
exec 9>"$lock"
flock 9

top=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
[ -n "$top" ] || { echo 'version 2 of control groups is not mounted' >&2; exit 1; }
group=$top/test-$$
lent='' enabled=''

patiently() {
  tries=0
  until "$@" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { echo "it never worked: $*" >&2; return 1; }
    sleep 0.1
  done
}

remove() {
  [ -d "$group" ] || return 0
  echo 1 >"$group/cgroup.kill"
  find "$group" -depth -type d -exec rmdir {} \;
  [ ! -d "$group" ]
}

give_back() {
  patiently remove
  for name in $enabled; do echo "-$name" >"$top/cgroup.subtree_control"; done
  for name in $lent; do patiently mount -o "remount,${name%%:*}" cgroup "${name#*:}"; done
}
trap give_back EXIT
trap 'exit 1' HUP INT TERM

# A hierarchy of version 1 must have a controller: one that nobody uses takes the place of what is lent. Unmounting
# would not do, as somebody may hold a descriptor of it.
lend() {
  grep -qw "$1" "$top/cgroup.controllers" && return
  point=$(awk -v name="$1" '/ - cgroup / && $NF == "rw," name { print $5; exit }' /proc/self/mountinfo)
  [ -n "$point" ] || { echo "$1 has no hierarchy of its own in version 1" >&2; exit 1; }
  patiently mount -o "remount,$2" cgroup "$point" || exit 1
  lent="$lent $1:$point"
}
lend pids net_prio
lend cpu net_cls

for name in pids cpu; do
  grep -qw "$name" "$top/cgroup.subtree_control" && continue
  echo "+$name" >"$top/cgroup.subtree_control" || exit 1
  enabled="$enabled $name"
done
mkdir "$group" "$group/work"
for directory in "$group" "$group/work"; do
  chown "$owner" "$directory" "$directory/cgroup.procs" "$directory/cgroup.subtree_control" "$directory/cgroup.threads"
done
echo "$group"
read -r _ || true
