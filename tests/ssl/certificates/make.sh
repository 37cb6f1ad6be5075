#!/bin/sh
# Makes the certificates of the TLS tests, all valid for a hundred years or
# expired on purpose. Run it in this folder; it needs OpenSSL 3.
set -eu
cd "$(dirname "$0")"
rm -rf ./*.pem hashed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
FROM=20200101000000Z
TO=21200101000000Z

key() { # key NAME: an EC key, which makes handshakes fast, unless it has one
  [ -e "$1.key.pem" ] && return
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
    -out "$1.key.pem"
}

# issue NAME ISSUER SUBJECT EXTENSIONS [FROM TO [SERIAL]]
# `openssl ca` and not `openssl x509`, which takes no date to begin with.
issue() {
  name=$1 issuer=$2
  key "$name"
  printf '%s\n' "$4" > "$work/extensions"
  printf '%s\n' "${7:-$(openssl rand -hex 8)}" > "$work/serial"
  : > "$work/index"
  openssl req -new -utf8 -key "$name.key.pem" -subj "$3" -multivalue-rdn \
    -out "$work/request"
  own=''
  [ "$issuer" = "$name" ] && own='-selfsign'
  [ "$issuer" = "$name" ] || own="-cert $issuer.pem"
  # shellcheck disable=SC2086
  openssl ca -batch -notext -utf8 -preserveDN -config "$work/config" $own \
    -keyfile "$issuer.key.pem" -extfile "$work/extensions" \
    -in "$work/request" -startdate "${5:-$FROM}" -enddate "${6:-$TO}" \
    -out "$name.pem" 2> "$work/log" || { cat "$work/log"; exit 1; }
}

cat > "$work/config" <<CONFIG
[ca]
default_ca = own
[own]
database = $work/index
new_certs_dir = $work
serial = $work/serial
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
CONFIG

CA='basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash'
LOCAL='subjectAltName=DNS:localhost,DNS:*.wild.test,IP:127.0.0.1,IP:::1'
SERVER="basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
$LOCAL"
CLIENT='basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth'

issue ca ca '/CN=Test Root' "$CA"
issue other_ca other_ca '/CN=Other Root' "$CA"
issue server ca '/C=DE/O=Tests/CN=localhost' "$SERVER"
issue other ca '/CN=other.test' "basicConstraints=CA:FALSE
extendedKeyUsage=serverAuth
subjectAltName=DNS:other.test"
issue expired ca /CN=localhost "$SERVER" 20000101000000Z 20010101000000Z
issue not_yet ca /CN=localhost "$SERVER" 21500101000000Z 22000101000000Z
issue self_signed self_signed /CN=localhost "$SERVER"
issue expired_self_signed expired_self_signed /CN=localhost "$SERVER" \
  20000101000000Z 20010101000000Z
# What `openssl req -x509` makes of no further options.
issue self_signed_ca self_signed_ca /CN=localhost "basicConstraints=critical,CA:TRUE
$LOCAL"
issue ca_leaf ca /CN=localhost "basicConstraints=critical,CA:TRUE
$LOCAL"
issue name_in_cn ca /CN=localhost 'basicConstraints=CA:FALSE'
issue for_clients ca /CN=localhost "$CLIENT
$LOCAL"
issue intermediate ca '/CN=Test Intermediate' "$CA"
issue chained intermediate /CN=localhost "$SERVER"
cat chained.pem intermediate.pem > chain.pem
issue from_other other_ca /CN=localhost "$SERVER"
cat from_other.pem other_ca.pem > from_other_chain.pem
issue no_ca ca '/CN=Not a CA' 'basicConstraints=critical,CA:FALSE'
issue under_no_ca no_ca /CN=localhost "$SERVER"
cat under_no_ca.pem no_ca.pem > under_no_ca_chain.pem
issue client ca '/CN=alice' "$CLIENT"
issue other_client other_ca '/CN=mallory' "$CLIENT"
issue client_for_servers ca '/CN=bob' "$SERVER"
# Everything that getpeercert() shows.
issue fields ca '/C=DE/ST=Bayern/L=München/O=Tests, and more/OU=One+OU=Two/CN=fields.test/emailAddress=a@fields.test' \
  "basicConstraints=CA:FALSE
extendedKeyUsage=serverAuth
subjectAltName=DNS:fields.test,DNS:*.fields.test,email:b@fields.test,URI:https://fields.test/,IP:192.0.2.1,IP:2001:db8::1,RID:1.2.3.4,dirName:dir,otherName:1.2.3.4;UTF8:hello
authorityInfoAccess=OCSP;URI:http://ocsp.fields.test/,caIssuers;URI:http://ca.fields.test/
crlDistributionPoints=URI:http://crl.fields.test/
[dir]
C=DE
CN=Directory" "$FROM" "$TO" 00F1E2D3C4B5A697

openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
  -out rsa.key.pem
issue rsa ca /CN=localhost "$SERVER"
openssl rsa -in rsa.key.pem -traditional -out rsa_pkcs1.key.pem 2>/dev/null
openssl pkcs8 -topk8 -in server.key.pem -passout pass:secret \
  -out server_encrypted.key.pem
openssl ec -in server.key.pem -aes128 -passout pass:secret \
  -out server_sec1_encrypted.key.pem 2>/dev/null
cat server.key.pem server.pem > server_both.pem

# A folder as OpenSSL's c_rehash leaves it, for capath.
mkdir hashed
cp ca.pem "hashed/$(openssl x509 -noout -hash -in ca.pem).0"
echo 'This is no certificate.' > hashed/README

# The keys that nothing needs any more.
rm -f no_ca.key.pem intermediate.key.pem chained.pem under_no_ca.pem no_ca.pem
mv chained.key.pem chain.key.pem
mv under_no_ca.key.pem under_no_ca_chain.key.pem
mv from_other.key.pem from_other_chain.key.pem
