/**
 * Certificates and keys for tests of TLS: an authority, a router and a client that it signed for, a router whose time is up,
 * and one that signed itself and has no alternative names, as Java I2P's. They guard nothing.
 *
 * Made with OpenSSL 3.0 in an empty directory by:
 *
 *     key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out $1.key; }
 *     sign() { openssl ca -batch -notext -config ca.conf -startdate ${3}0101000000Z -enddate ${4}0101000000Z -in $1.csr -out $1.crt $5 -extensions $2 2>/dev/null; }
 *     printf '[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=index\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\nprivate_key=ca.key\ncertificate=ca.crt\n[p]\ncommonName=supplied\n[root]\nbasicConstraints=critical,CA:true\n[named]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n[plain]\nbasicConstraints=CA:false\n' > ca.conf
 *     : > index
 *     for name in ca router client java expired; do
 *       key $name
 *       case $name in ca) cn=effect-i2p-test ;; client) cn=client ;; *) cn=localhost ;; esac
 *       openssl req -new -key $name.key -subj /CN=$cn -out $name.csr
 *     done
 *     sign ca root 2024 2124 "-selfsign -keyfile ca.key"
 *     sign router named 2024 2124
 *     sign client plain 2024 2124
 *     sign expired named 2020 2021
 *     sign java root 2024 2124 "-selfsign -keyfile java.key"
 */

export const ca = `-----BEGIN CERTIFICATE-----
MIIBaTCCARCgAwIBAgIUI4KQLTf4hzD0xpNiN462Q5TBTuAwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPZWZmZWN0LWkycC10ZXN0MCAXDTI0MDEwMTAwMDAwMFoYDzIx
MjQwMTAxMDAwMDAwWjAaMRgwFgYDVQQDDA9lZmZlY3QtaTJwLXRlc3QwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAASpQwUMhronHw0xaiVvmajq0W1SQgvKae/ZubHC
m/gqp7ya9EiM6zXqTVQH8B+HPIeiQufwxN8OzKlf1Vruyv/2ozIwMDAPBgNVHRMB
Af8EBTADAQH/MB0GA1UdDgQWBBTDmPtCmvQkarES0JznvLNa/dRODzAKBggqhkjO
PQQDAgNHADBEAiB6oH3InpjeN0TodWKHygvicIHkcOJ2xl39xPn0rSxMUAIgaLTW
rvyHZ7959RIH32TyR6xXlaETmjMkyVqW0IOCqcc=
-----END CERTIFICATE-----
`

export const router = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUPp/EBGyK4Gkoxk7NDLPy4qn1+fwwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPZWZmZWN0LWkycC10ZXN0MCAXDTI0MDEwMTAwMDAwMFoYDzIx
MjQwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQoc+ySVvd2fbIJWYe9LfxTVQRL3iNfr1TZpQYlMhy1hqZQ
VC50FiEeM5qYT9/nE8W4n4GKs6cDyjhb3H32b3jFo14wXDAaBgNVHREEEzARggls
b2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFJIDE0hZf4WWS1M1kQqhAdN3PLNjMB8G
A1UdIwQYMBaAFMOY+0Ka9CRqsRLQnOe8s1r91E4PMAoGCCqGSM49BAMCA0kAMEYC
IQDJMEdCoMrl16RTLFYHuhUJi2CH+R1UK8sX9hdQuxmKpQIhANLcQ2KzmTo5GS32
3yzbdF0gfr6I0bQk/MRaU3sfXu/Q
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPRJV3/b/IAeAPpbz
f0ITA/eXPJGdgROt+dMUMOkXtaahRANCAAQoc+ySVvd2fbIJWYe9LfxTVQRL3iNf
r1TZpQYlMhy1hqZQVC50FiEeM5qYT9/nE8W4n4GKs6cDyjhb3H32b3jF
-----END PRIVATE KEY-----
`
}

export const client = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIBfTCCASKgAwIBAgIUaKhZHvYejzMNWVeUNsJB5247PzcwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPZWZmZWN0LWkycC10ZXN0MCAXDTI0MDEwMTAwMDAwMFoYDzIx
MjQwMTAxMDAwMDAwWjARMQ8wDQYDVQQDDAZjbGllbnQwWTATBgcqhkjOPQIBBggq
hkjOPQMBBwNCAARWkh5X5unnyDOFanDN0VAIrv5QqepjJJBZQV8XI1VSZAhcXpUw
FNbIC4tb8XY70nP8HiWHkwR0o4ui/9QGoP4Uo00wSzAJBgNVHRMEAjAAMB0GA1Ud
DgQWBBSvc4CyuFcwa/0BnGt6aV8dtM7FiTAfBgNVHSMEGDAWgBTDmPtCmvQkarES
0JznvLNa/dRODzAKBggqhkjOPQQDAgNJADBGAiEAz9beCCN9cKguZ959xI3FS8H3
179QeCRyK+IBMXW3++MCIQDM+KNLtRl8z+2n5YdIlWkF47qNOncmmDJO68OpOsMs
pg==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4upXcrq8uf88OaJ3
N2zmXx+eU34xj71FCWXsS/u4lXOhRANCAARWkh5X5unnyDOFanDN0VAIrv5Qqepj
JJBZQV8XI1VSZAhcXpUwFNbIC4tb8XY70nP8HiWHkwR0o4ui/9QGoP4U
-----END PRIVATE KEY-----
`
}

export const expired = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIBjjCCATSgAwIBAgIUXwHpXPXPAyDPDpuqz8MrTufIsykwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPZWZmZWN0LWkycC10ZXN0MB4XDTIwMDEwMTAwMDAwMFoXDTIx
MDEwMTAwMDAwMFowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAE6geoyscamImHL+75uwHNYk+I/GCXLUfZ6uYdbNBrLa63ulA+
LIvcob/eRuXAfMwXDjYYAB1yUaeqck42HtHAUaNeMFwwGgYDVR0RBBMwEYIJbG9j
YWxob3N0hwR/AAABMB0GA1UdDgQWBBQDAhNoEef1dZew6jozMCOTJF6MIjAfBgNV
HSMEGDAWgBTDmPtCmvQkarES0JznvLNa/dRODzAKBggqhkjOPQQDAgNIADBFAiBh
vV0uRK59INQVaOLORANRXxpr7Nc9ittWWeJKOyZ5IAIhAL39wsRocp2velIvwARK
eUJI1ON27h4eZsMOTtAF8xpS
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgirVUXhd9uZz5LiOb
09NRgO1MmqCJuJkxU2WrvW3cdEahRANCAATqB6jKxxqYiYcv7vm7Ac1iT4j8YJct
R9nq5h1s0Gstrre6UD4si9yhv95G5cB8zBcONhgAHXJRp6pyTjYe0cBR
-----END PRIVATE KEY-----
`
}

export const java = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIBXjCCAQSgAwIBAgIUZHSSleCPI7qIKAAkoIEe33BjJXkwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI0MDEwMTAwMDAwMFoYDzIxMjQwMTAx
MDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASKnZut09QKpBzRXJUbEGmJXe2A0/tacEQo+YtUK/bZEZ2qfJcFOHgd
jqZcdvQkkVtAFz4JAON2n6wqjI3LVo8QozIwMDAPBgNVHRMBAf8EBTADAQH/MB0G
A1UdDgQWBBQGsjFUFg03tiIvcb6Cqgkr7PenSzAKBggqhkjOPQQDAgNIADBFAiEA
qLkyfCjP3C5IHTeTIUNSfrImRjEUdvR6/eEjSJY0efUCIGpxb8BcGIcAUfZ34H7O
/q3U371cjHcb1KD7KJsXEzsg
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbFJDKoHV14q1+DuT
JwhV56VXaZVmfjp8NR0JFviA6u2hRANCAASKnZut09QKpBzRXJUbEGmJXe2A0/ta
cEQo+YtUK/bZEZ2qfJcFOHgdjqZcdvQkkVtAFz4JAON2n6wqjI3LVo8Q
-----END PRIVATE KEY-----
`
}
