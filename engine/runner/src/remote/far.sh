# What runs on the far side: given to a POSIX shell over ssh's standard input, behind what the engine sets:
#   m       a random word that begins each line said here: a shell's greeting on the same stream is no answer
#   mode    start, or attach: to one that was started before
#   run at  names of the run's folder and the attempt's
#   o e     bytes of its two outputs that were taken in already
#   stop    1: it is to be ended
#   limit limit_s grace_ms   seconds allowed, the same rounded up, milliseconds from TERM to KILL
#   most    bytes of each output that are kept here
#   changes 1: it changes the world
#   job     a function: sets the environment and the directory, and calls go with the words
# No function here is called by two names, and no text of a step is read twice as code.

say() { printf '%s %s\n' "$m" "$*"; }

# Nothing was started, and nothing will be.
no() {
  say no "$*"
  exit 0
}

# The moment a process began, so that its number is not taken for another's.
born() {
  if [ -r "/proc/$1/stat" ]; then
    born=$(cat "/proc/$1/stat" 2>/dev/null)
    born=${born##*)}
    set -f
    set -- $born
    set +f
    [ "$#" -ge 20 ] || return 1
    shift 19
    printf '%s\n' "$1"
  else
    ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' _
  fi
}

# Whether the process that a file names still is: its number and its beginning.
lives() {
  number= began=
  { read -r number began <"$1"; } 2>/dev/null || return 1
  [ -n "$number" ] && kill -s 0 "$number" 2>/dev/null && [ "$(born "$number")" = "$began" ]
}

# The first bytes of what comes, and not one more.
if [ "$(printf xy | head -c 1 2>/dev/null)" = x ]; then
  first() { head -c "$1"; }
else
  first() { dd bs=1 count="$1" 2>/dev/null; }
fi

if sleep 0.01 2>/dev/null; then
  nap() { sleep "$1"; }
  second=10
else
  nap() { sleep 1; }
  second=1
  limit=$limit_s
fi
ticks=$(((grace_ms * second + 999) / 1000))

boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) || boot=-

# Tells what came of one output since; it grows while it is read, and only what was counted is told.
tell() {
  size=$(wc -c <"$2") || return 0
  # What is beyond that may be cut off at any time.
  [ "$size" -le "$most" ] || size=$most
  size=$((size - $3))
  [ "$size" -gt 0 ] || return 0
  say "$1" "$size"
  tail -c +$(($3 + 1)) "$2" | first "$size"
  told=$size
}

# Shows it to its end, then forgets it when that was taken in. What it is asked comes through 3.
follow() {
  wait_for=0.03 silent=0
  while :; do
    # Looked at before the outputs are: all that was printed is there by then.
    over=
    [ -s "$d/end" ] && over=1
    told=0
    tell o "$d/out" "$o"
    o=$((o + told))
    any=$told
    told=0
    tell e "$d/err" "$e"
    e=$((e + told))
    any=$((any + told))
    [ -z "$over" ] || break
    if [ "$stop" = 1 ] && [ -e "$d/watched" ] && lives "$d/guard"; then
      kill -s TERM "$number" && stop=0
    fi
    silent=$((silent + 1))
    if [ "$silent" -ge 8 ]; then
      silent=0
      say .
      if ! lives "$d/keeper" && ! [ -s "$d/end" ]; then
        act=
        { read -r act <"$d/act"; } 2>/dev/null
        if [ -n "$act" ] && kill -s 0 "$act" 2>/dev/null; then say gone "$act"; else say gone; fi
        return
      fi
    fi
    case $any,$wait_for in
    0,0.03) wait_for=0.06 ;;
    0,0.06) wait_for=0.12 ;;
    0,0.12) wait_for=0.25 ;;
    0,*) wait_for=0.5 ;;
    *) wait_for=0.06 ;;
    esac
    nap "$wait_for"
  done
  read -r end <"$d/end"
  say end "$end"
  bye=
  IFS= read -r bye <&3
  if [ "$bye" = "$m done" ]; then
    rm -rf "$d"
    rmdir "$base/$run" 2>/dev/null
  fi
}

# Everything that a process started and that did not leave it: where there is no way to a session of its own.
tree() {
  ps -A -o pid= -o ppid= | awk -v top="$1" '
    { parent[$1] = $2 }
    END {
      found[top] = 1
      for (again = 1; again; ) {
        again = 0
        for (one in parent) if (!(one in found) && (parent[one] in found)) found[one] = again = 1
      }
      for (one in found) print one
    }'
}

# To all of its session. One shell wants `--` before a number below 0, another will not have it.
hit() {
  if [ -n "$own" ]; then
    kill -s "$1" -- "-$act" 2>/dev/null || kill -s "$1" "-$act" 2>/dev/null
  else
    for one in $(tree "$act"); do kill -s "$1" "$one" 2>/dev/null; done
  fi
}

left() {
  if [ -n "$own" ]; then hit 0; else kill -s 0 "$act" 2>/dev/null; fi
}

# TERM, the grace, KILL.
ladder() {
  hit TERM
  hit CONT
  rung=TERM
  tick=0
  while left && [ "$tick" -lt "$ticks" ]; do
    nap 0.1
    tick=$((tick + 1))
  done
  if left; then
    rung=KILL
    hit KILL
  fi
}

# Keeps its time, and hears who asks for its end.
guard() {
  why= napping=
  trap 'why=stop; kill "$napping" 2>/dev/null' TERM
  trap 'kill "$napping" 2>/dev/null; exit 0' HUP
  : >"$d/watched"
  sleep "$limit" &
  napping=$!
  [ -n "$why" ] || wait "$napping"
  kill "$napping" 2>/dev/null
  [ -n "$why" ] || why=timeout
  trap '' TERM
  printf '%s\n' "$why" >"$d/asked"
  tick=0
  act=
  while [ -z "$act" ] && [ "$tick" -lt $((second * 5)) ]; do
    { read -r act <"$d/act"; } 2>/dev/null
    [ -n "$act" ] || nap 0.1
    tick=$((tick + 1))
  done
  [ -n "$act" ] || exit 0
  ladder
  printf '%s %s\n' "$why" "$rung" >"$d/asked"
}

# Cuts off what is printed beyond what is kept, by and by, for as long as anybody prints. Who prints appends: what stays
# stays as it is.
bound() {
  before=0
  while :; do
    if ! kill -s 0 "$$" 2>/dev/null; then
      act=
      { read -r act <"$d/act"; } 2>/dev/null
      [ -n "$act" ] && kill -s 0 "$act" 2>/dev/null || exit 0
    fi
    sum=0
    for one in out err; do
      size=$(wc -c 2>/dev/null <"$d/$one") && [ -n "$size" ] || exit 0
      sum=$((sum + size))
      [ "$size" -le "$most" ] || dd if=/dev/null of="$d/$one" bs=1 seek="$most" count=0 2>/dev/null
    done
    if [ "$((sum - before))" -gt 1048576 ]; then nap 0.1; else nap 1; fi
    before=$sum
  done
}

# Why the command could not be started; the job ends with it.
cannot() {
  printf '%s\n' "$*" >"$d/cannot"
  exit 125
}

# A clean environment: what the step says comes on top of these.
clean() {
  for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
    case $name in
    PATH | HOME | LANG | TERM | TZ) ;;
    _ | PWD | OLDPWD | PPID | UID | EUID | GID | SHLVL | IFS | SHELLOPTS | BASHOPTS | BASH_*) ;;
    *) unset "$name" 2>/dev/null ;;
    esac
  done
  unset PWD OLDPWD SHLVL
}

# The command itself, in the job: found as a shell finds it, and nothing but its own words is among its words.
go() {
  case $1 in
  */*) place=$1 ;;
  *)
    place= rest=$PATH:
    while [ -n "$rest" ] && [ -z "$place" ]; do
      folder=${rest%%:*}
      rest=${rest#*:}
      if [ -f "${folder:-.}/$1" ] && [ -x "${folder:-.}/$1" ]; then place=${folder:-.}/$1; fi
    done
    [ -n "$place" ] || cannot "missing program \"$1\" was not found in PATH (searched $PATH)"
    ;;
  esac
  [ -f "$place" ] || cannot "missing program \"$1\" does not exist"
  [ -x "$place" ] || cannot "refused program \"$1\" is not executable"
  if [ -n "$own" ]; then
    exec "$own" "$sh" -c 'printf "%s\n" "$$" >"$0/act" && exec "$@"' "$d" "$@"
  else
    exec "$sh" -c 'printf "%s\n" "$$" >"$0/act" && exec "$@"' "$d" "$@"
  fi
}

# Starts it, once: the folder is the mark of that, and whoever makes it first has it.
start() {
  umask 077
  mkdir -p "$base/$run" 2>/dev/null || no "the folder $base/$run cannot be made there"
  say hello "$boot"
  gate= count=
  read -r gate word count || exit 0
  [ "$gate $word" = "$m go" ] || exit 0
}

begin() {
  if ! mkdir "$d" 2>/dev/null; then
    [ -d "$d" ] || no "the folder $d cannot be made there"
    attach
    return
  fi
  # Room for how it ends, taken while there is room: a disk that fills up later does not lose it.
  { printf '%s %s\n' "$$" "$(born $$)" >"$d/keeper" && printf '%-200s\n' . >"$d/end.new"; } 2>/dev/null || full
  : >"$d/out" && : >"$d/err" || full
  if [ "$count" -gt 0 ]; then
    first "$count" <&3 >"$d/in" 2>/dev/null || full
    [ $(($(wc -c <"$d/in"))) -eq "$count" ] || full
  else
    : >"$d/in"
  fi
  [ -s "$d/keeper" ] && [ $(($(wc -c <"$d/end.new"))) -eq 201 ] || full
  if [ "$changes" = 1 ]; then
    # On disk before anything is changed: after a crash of this machine it is not taken for one that never began.
    sync "$d/keeper" "$d" "$base/$run" 2>/dev/null || sync
  fi
  # A connection that is gone by now ends who speaks into it, and not what was told to begin.
  (say began)
  follow &
  watcher=$!
  exec </dev/null >/dev/null 2>&1 3<&-
  guard &
  guarded=$!
  printf '%s %s\n' "$guarded" "$(born "$guarded")" >"$d/guard"
  bound &
  if [ -n "${text+set}" ]; then
    printf %s "$text" | (
      rm -f "$d/in"
      job
    ) >>"$d/out" 2>>"$d/err"
  else
    (
      exec <"$d/in"
      rm -f "$d/in"
      job
    ) >>"$d/out" 2>>"$d/err"
  fi
  status=$?
  act=
  { read -r act <"$d/act"; } 2>/dev/null
  [ -s "$d/asked" ] || kill -s HUP "$guarded" 2>/dev/null
  wait "$guarded"
  why= rung=
  { read -r why rung <"$d/asked"; } 2>/dev/null
  if [ -z "$act" ]; then
    reason=
    { read -r reason <"$d/cannot"; } 2>/dev/null
    end="never ${reason:-other it could not be started}"
  elif [ -n "$why" ]; then
    end="$why ${rung:-TERM}"
  else
    # What it left in its session belongs to it; a moment for what ends by itself.
    if [ -n "$own" ] && left; then
      nap 0.2
      if left; then ladder; fi
    fi
    end="code $status"
  fi
  # Over what is there, so that no room is needed.
  printf '%-200s\n' "$end" 1<>"$d/end.new" && mv "$d/end.new" "$d/end"
  wait "$watcher"
}

full() {
  rm -rf "$d"
  no "what is to be kept of it cannot be written to $d"
}

# Follows one that was started before. One that was not never will be, from here on.
attach() {
  umask 077
  mkdir -p "$base/$run" 2>/dev/null
  if mkdir "$d" 2>/dev/null; then
    printf 'nothing was started\n' >"$d/void"
    sync "$d/void" "$d" 2>/dev/null
    say void "$boot"
  elif [ -e "$d/void" ]; then
    say void "$boot"
  elif [ -d "$d" ]; then
    say there
    follow
  else
    say lost "the folder $d cannot be looked at"
  fi
}

main() {
  exec 3<&0
  sh=$(command -v sh)
  own=$(command -v setsid) || own=
  base=${XDG_STATE_HOME:-$HOME/.local/state}/runbook
  d=$base/$run/$at
  if [ "$mode" = attach ]; then
    attach
  else
    start
    begin
  fi
}
