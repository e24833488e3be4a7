#!/bin/sh
# Stands in for the engine where the lab is tested alone: takes its arguments, asks as it asks, and fails over by hand.
set -u
if [ "$1" = log ]; then
    echo "# The log of the stand-in, of $2 in $4"
    exit 0
fi
echo "given: $*"
hang=no
for word in "$@"; do
    if [ "$word" = hang=yes ]; then hang=yes; fi
    store=$word
done
mkdir -p "$store/runs/1"
echo '{}' >"$store/runs/1/transcript.jsonl"
old=$(dnsTool -q active_server)
if [ "$old" = dns1 ]; then new=dns2; else new=dns1; fi
if [ "$hang" = yes ]; then
    echo "waiting for ever"
    exec tail -f /dev/null
fi

printf '\033[1mStop DNS on the active server\033[0m %s [y/n/?] ' "$old"
stty -icanon min 1
key=$(dd bs=1 count=1 2>/dev/null)
stty icanon
echo
if [ "$key" != y ]; then
    printf 'reason: '
    read -r reason
    echo "denied, because $reason"
    exit 4
fi
if dnsTool -a shutdown -s "$old"; then
    dnsTool -a failover -s "$new"
else
    dnsTool -a failover -s "$new" -f
fi
