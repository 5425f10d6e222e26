// A mail server as far as its TLS handshake, by Go's own library, whose session tickets come with its Finished.
//
//	tickets CERTIFICATES plain|ask|none PORT
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
)

func serve(connection net.Conn, config *tls.Config) {
	defer connection.Close()
	fmt.Fprint(connection, "220 go.contoso.test ESMTP\r\n")
	lines := bufio.NewReader(connection)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		switch word := strings.ToUpper(strings.TrimSpace(line)); {
		case strings.HasPrefix(word, "EHLO"):
			fmt.Fprint(connection, "250-go.contoso.test\r\n250 STARTTLS\r\n")
		case word == "STARTTLS":
			fmt.Fprint(connection, "220 Ready\r\n")
			secure := tls.Server(connection, config)
			if secure.Handshake() == nil {
				bufio.NewReader(secure).ReadString('\n')
				fmt.Fprint(secure, "221 Bye\r\n")
				secure.Close()
			}
			return
		default:
			fmt.Fprint(connection, "221 Bye\r\n")
			return
		}
	}
}

func main() {
	certificate, err := tls.LoadX509KeyPair(os.Args[1], os.Args[1])
	if err != nil {
		panic(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	if os.Args[2] == "ask" {
		config.ClientAuth = tls.RequestClientCert
	}
	config.SessionTicketsDisabled = os.Args[2] == "none"
	listener, err := net.Listen("tcp", os.Args[3])
	if err != nil {
		panic(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go serve(connection, config)
	}
}
