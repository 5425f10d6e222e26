"""What Postfix, Exim, sendmail, OpenSMTPD and qmail say of TLS in their logs and bounces, in their own words.

The words are those of the programs' sources. Which way the mail went, the host in the line tells.
"""

from __future__ import annotations

from probe import powershell
from probe.exchange.replies.entry import Entry, EntryKind
from probe.statement import Confidence

#: The rest of the line belongs to it: it names the host, or the error.
_LINE = r"[^\r\n]{0,300}"
_SETTINGS = (
    "Postfix smtp_tls_chain_files or smtp_tls_cert_file, Exim tls_certificate of the transport, sendmail "
    "confCLIENT_CERT, OpenSMTPD pki of the relay action, qmail control/clientcert.pem"
)

NOT_OFFERED = Entry(
    id="mta-starttls-not-offered",
    title="Your mail server demands TLS, and the next host's EHLO reply had no STARTTLS",
    kind=EntryKind.LOG,
    judge="Your mail server refuses to send in plain text.",
    label=Confidence.REPORTED,
    meaning="Exchange Online always offers STARTTLS. Where its host did not, something on the path takes it out.",
    causes=(
        "A firewall, gateway or provider inspects SMTP and removes STARTTLS.",
        "The host that was reached is not the one meant (DNS, a relay between), or offers no TLS.",
    ),
    remedy=(
        "Switch SMTP inspection off on the path; ask the provider whether it filters port 25.",
        "Do not turn the demand for TLS off: mail through a connector with a certificate needs it.",
    ),
    check=powershell.PROBE,
    references=(
        "Messages of Postfix, Exim, sendmail, OpenSMTPD and qmail's TLS patch, in the programs' sources",
    ),
    examples=(
        "TLS is required, but was not offered by host mail.contoso.com[192.0.2.10]",
        "a TLS session is required, but the server did not offer TLS support",
        "TLS required but not supported by remote host",
        "No TLS achieved while /var/qmail/control/tlshosts/mail.contoso.com.pem exists",
    ),
    phrase=(
        r"(?:TLS is required, but was not offered by host|a TLS session is required.{0,200}?but the server did not "
        r"offer TLS support|TLS required but not supported by remote host|No(?:_| )TLS(?:_| )achieved(?:_| )while)"
        + _LINE
    ),
    rule="no-starttls",
)

REFUSED = NOT_OFFERED._replace(
    id="mta-starttls-refused",
    title="The next host refused to start TLS",
    judge="The next host offers STARTTLS and refuses it.",
    meaning="STARTTLS was offered and answered with a refusal; its words, where the line has them, say why.",
    causes=("The next host cannot use its certificate, or is out of resources.",),
    remedy=("Ask whoever runs the next host, with its words as they are.",),
    examples=(
        "TLS is required, but host mail.contoso.com[192.0.2.10] refused to start TLS: 454 TLS not available",
        "a TLS session is required, but an attempt to start TLS failed",
    ),
    phrase=(
        r"(?:TLS is required, but host \S{1,300} refused to start TLS|a TLS session is required.{0,200}?but an "
        r"attempt to start TLS failed)" + _LINE
    ),
    rule="starttls-refused",
)

DISTRUSTS = NOT_OFFERED._replace(
    id="mta-distrusts-server",
    title="Your mail server does not trust the next host's certificate",
    judge="Your mail server refuses the next host's certificate, not the other way round.",
    meaning=(
        "The chain of the next host leads to no root that this mail server trusts. For Exchange Online the roots of "
        "DigiCert are needed (DigiCert Global Root G2 since 2026). Your own certificate has nothing to do with it."
    ),
    causes=(
        "The list of roots that the mail server reads is old, or not the system's (smtp_tls_CAfile and its like).",
        "A device between replaces the certificate.",
    ),
    remedy=(
        "Update the system's root certificates, and let the mail server read that list; then restart it.",
    ),
    examples=(
        "Server certificate not trusted",
        "certificate verification failed for mail.contoso.com[192.0.2.10]:25: untrusted issuer /C=US/CN=Some Root",
        "TLS certificate verification failure (certificate verification failed)",
        'smtp server-cert-check result="failure"',
        "TLS unable to verify server with control/servercert.pem",
    ),
    phrase=(
        r"(?:Server certificate not trusted|certificate verification failed for|TLS certificate "
        r"verification (?:failure|error)|server-cert-check result=.?failure|TLS(?:_| )unable(?:_| )to(?:_| )verify"
        r"(?:_| )server|STARTTLS=client, relay=\S{1,300}.{0,100}?verify=FAIL)" + _LINE
    ),
    rule="untrusted-root",
)

WRONG_NAME = DISTRUSTS._replace(
    id="mta-server-name",
    title="The name in the next host's certificate is not the one your mail server expects",
    meaning="The certificate is trusted, but none of its names is one that this mail server's policy allows.",
    causes=("The policy names other names than the host has, or another host was reached.",),
    remedy=("Compare the names that the TLS policy allows with those in the next host's certificate.",),
    examples=(
        "Server certificate not verified",
        "certificate peer name verification failed for mail.contoso.com[192.0.2.10]:25: CommonName mis-match: x",
    ),
    phrase=r"(?:Server certificate not verified|certificate peer name verification failed for)" + _LINE,
    rule="name-mismatch",
)

ACCEPTING = NOT_OFFERED._replace(
    id="mta-accept-failed",
    title="TLS broke with a host that delivers to your mail server",
    judge="Either side: the alert in the line, where there is one, comes from the host that delivers.",
    meaning="The handshake on your server's side failed. An alert such as unknown CA says that the sender refuses "
    "your certificate.",
    causes=(
        "Your server does not send its intermediates, or its certificate is not trusted.",
        "The two sides share no TLS version or cipher.",
    ),
    remedy=("Look at the certificate and the chain that your server presents.",),
    examples=(
        "SSL_accept error from mail.contoso.com[192.0.2.10]: -1",
        "TLS error on connection from mail.contoso.com [192.0.2.10] (SSL_accept): error:0A000418",
        "STARTTLS=server, error: accept failed=-1, SSL_error=1",
    ),
    phrase=r"(?:SSL_accept error from|TLS error on connection from|STARTTLS=server, error: accept failed)"
    + _LINE,
    rule="tls-failed",
)

HANDSHAKE = NOT_OFFERED._replace(
    id="mta-handshake-failed",
    title="The TLS handshake of your mail server with the next host broke",
    judge="Either side: an alert in the line comes from the next host.",
    meaning=(
        "After STARTTLS no TLS session came about. Where the next host is Exchange Online's, look at the client "
        "certificate that your mail server presents, and at the TLS versions it allows."
    ),
    causes=(
        "The client certificate is expired, incomplete or unusable (reported; Microsoft has not confirmed it).",
        "Only TLS 1.0 or 1.1 is on, or a device between breaks TLS.",
    ),
    remedy=(f"Look at the client certificate and its chain: {_SETTINGS}.", "Allow TLS 1.2 and newer."),
    examples=(
        "Cannot start TLS: handshake failure",
        "SSL_connect error to mail.contoso.com[192.0.2.10]:25: lost connection",
        "TLS error on connection to mail.contoso.com [192.0.2.10] (SSL_connect): error:0A000410",
        "TLS session: (gnutls_handshake): A TLS fatal alert has been received",
        "STARTTLS=client, error: connect failed=-1, SSL_error=1",
        "TLS connect failed: error:0A000410:SSL routines::sslv3 alert handshake failure",
        "mta error reason=IO Error: tls handshake failed",
    ),
    phrase=(
        r"(?:Cannot start TLS: handshake failure|SSL_connect error to|TLS error on connection\b(?! from)|TLS session: "
        r"\(|STARTTLS=client, error: connect failed|TLS(?:_| )connect(?:_| )failed|IO Error: tls)" + _LINE
    ),
    rule="tls-failed",
)

OWN_FILES = HANDSHAKE._replace(
    id="mta-own-certificate",
    title="Your mail server cannot use its own certificate or key",
    judge="Nobody refuses: your own mail server cannot set TLS up.",
    meaning="Certificate and key cannot be read, do not belong together, or have permissions the program refuses.",
    causes=("A wrong path, a key of another certificate, or a file that others may read.",),
    remedy=(f"Look at the files named in: {_SETTINGS}.",),
    examples=(
        "TLS is required, but our TLS engine is unavailable",
        'cannot get RSA private key from file "/etc/ssl/mail.key"',
        "TLS error on connection to mail.contoso.com [192.0.2.10] (cert/key setup: cert=/a key=/b)",
    ),
    phrase=(
        r"(?:TLS is required, but our TLS engine is unavailable|cannot get (?:RSA |DSA |EC |ECDSA )?(?:certificate|"
        r"private key) from file|TLS error on connection .{0,300}?\(cert/key setup)" + _LINE
    ),
)

ENTRIES = (OWN_FILES, DISTRUSTS, WRONG_NAME, NOT_OFFERED, REFUSED, ACCEPTING, HANDSHAKE)
