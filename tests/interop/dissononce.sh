#!/bin/sh
# dissononce.sh INTEROP BUILD-FOLDER: against dissononce (Python).
set -eu
interop=$1
here=$(cd "$(dirname "$0")" && pwd)
python=
export PYTHONDONTWRITEBYTECODE=1

for p in python3 /usr/bin/python3; do
	if $p -c 'import dissononce, cryptography' 2>/dev/null; then
		python=$p
		break
	fi
done
[ -n "$python" ] || {
	echo "skipped: dissononce is not installed (python3-dissononce)"
	exit 77
}
# 500 echoes each way stay below 1,024 records: its rekey is not Noise's (it
# keeps a key of 48 bytes).
for mode in noise psk link; do
	for role in dial accept; do
		"$interop" $mode $role 500 $python "$here/dissononce_peer.py"
	done
done
$python "$here/dissononce_letter.py" "$(dirname "$interop")/letter"
