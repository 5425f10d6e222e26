"""What ``fleet init`` writes: an example with every key, which can be probed once the names are yours."""

EXAMPLE = """\
# The SMTP endpoints that `eop-probe fleet run` probes. What stands behind # is optional.
# `eop-probe fleet check-config` says what would be probed, and every mistake, and connects to nothing.
# Passwords and other secrets do not belong in here, and no key takes one.

# More targets: TOML files like this one, or, of any length, CSV (a header with these keys) and JSON lines (the same
# keys, one target a line); "-" is standard input. They take the [defaults] of this file.
# include = ["berlin.toml", "customers.csv", "more.jsonl"]

[defaults]                               # for every target that says nothing else
direction = "to-eop"                     # EOP judges what your server sends; "from-eop": Exchange Online judges it
timeout = 30                             # seconds for everything on one connection
# total-timeout = 120                    # and on all connections to one address
# interval = "6h"                        # how often it is to be probed: s, m, h or d; `fleet run` probes once
# port = 25
# implicit-tls = true                    # TLS from the first byte instead of STARTTLS
# ehlo = "probe.contoso.com"             # the name to say EHLO with
# sni = "none"                           # the name to ask for in TLS: the host's, unless it says
# resolver = "192.0.2.53"                # a DNS server to ask instead of the system's
# force-ip = 4                           # only addresses of this version of IP
# key-type = "any"                       # where a server holds several: rsa, ecdsa, eddsa or ml-dsa
# stores = ["microsoft", "mozilla"]      # or PEM files beside this one; the first decides
# samples = 1                            # connections to each address, for what stands behind a balancer
# thorough = true                        # both key types, with and without SNI, 3 samples
# expiring-days = 30                     # at risk when fewer days remain
# expiring-share = 0.33                  # or less than this share of its lifetime is left, whichever is shorter
# critical-days = 0                      # exit code 2 when fewer days remain
# revocation = true                      # ask the issuers: stapled OCSP, OCSP, CRLs
# revocation-allow-private = true        # at addresses that are not public, too

# [watch]                                # `eop-probe fleet watch`: each target once an interval, for ever
# recheck-after = "60s"                  # a failure is looked at again before it counts
# takeover-after = "60s"                 # with --shard: another watch takes over the share of one that is gone
# ping.url = "https://hc.example/id"     # asked for after each round: a dead man's switch

[[group]]                                # what several targets have in common
name = "berlin"
labels = { site = "berlin" }
# tls-sender-certificate-name = "*.contoso.com"   # of the inbound connector in Exchange Online
# accepted-domains = ["contoso.com"]              # of the tenant

[[target]]
host = "mail.contoso.com"
group = "berlin"
labels = { customer = "contoso" }        # `fleet run --only customer=contoso`

[[target]]
mx = "contoso.com"                       # every mail exchanger of a domain
direction = "from-eop"
# tls-domain = "mail.contoso.com"        # of the outbound connector
# dnssec-resolver = "127.0.0.1"          # a resolver that validates: DANE is looked at, too
# connector-mode = "mandatory"           # SmtpDaneMode of the outbound connector: DANE has to hold

[[target]]
host = "edge.contoso.com"
port = 2525
addresses = ["192.0.2.10", "2001:db8::10"]   # instead of asking DNS

[target.expect]                          # what is pinned: anything else is a finding
outcome = "accepted"
# issuer = "DigiCert Global G2 TLS RSA SHA256 2020 CA1"   # its CN, or the whole name as Windows writes it
# names = ["edge.contoso.com"]           # all of them
# sha256 = ["0011223344556677889900112233445566778899001122334455667788990011"]   # one of them

# Who is told, while `eop-probe fleet watch` runs; `eop-probe fleet notify-test` tries every channel.
# [alarms]
# fail-after = 1                         # looks in a row that have to say the same before it counts
# recover-after = 2
# repeat = "24h"                         # or "never"
# digest-over = 5                        # more changes at once than these are one message
# at-risk = true                         # false: only what is refused, or not known
# quiet-hours = ["22:00-07:00", "Sat-Sun 00:00-24:00"]   # told afterwards, if it is still true
# time-zone = "Europe/Berlin"            # of the quiet hours; UTC, unless it says
# page-url = "https://probe.contoso.com/"

# [[channel]]
# name = "operators"
# type = "email"
# host = "smtp.contoso.com"              # port 587 and STARTTLS, unless port and tls say otherwise
# from = "eop-probe@contoso.com"
# to = ["operators@contoso.com"]
# user = "eop-probe"
# password-env = "ALARM_PASSWORD"        # or password-file; a secret itself does not belong in here

# [[channel]]
# name = "tickets"
# type = "webhook"
# url = "https://tickets.contoso.com/hook"   # or url-env, url-file
# secret-env = "HOOK_SECRET"             # signs what is sent

# [[channel]]
# name = "teams"
# type = "apprise"                       # pip install 'eop-probe[notify]'
# url-file = "teams.url"

# [[maintenance]]
# labels = { site = "berlin" }           # and hosts = ["mail.contoso.com"]: what is given has to fit
# from = 2026-12-01T22:00:00+01:00
# to = 2026-12-02T02:00:00+01:00
# weekly = ["Sun 02:00-06:00"]
# time-zone = "Europe/Berlin"
"""
