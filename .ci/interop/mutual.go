// grpc-go with mutual TLS: its own programs for the official test cases show no certificate as a client, and ask
// for none as a server.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/interop"
	pb "google.golang.org/grpc/interop/grpc_testing"
)

var (
	ca   = flag.String("ca_file", "", "who signs a server's certificate")
	only = flag.String("tls_client_ca_file", "", "who signs a client's")
	cert = flag.String("tls_cert_file", "", "what is shown")
	key  = flag.String("tls_key_file", "", "its private key")
	port = flag.String("port", "", "serve there")
	host = flag.String("server_host", "", "or call the server there")
	at   = flag.String("server_port", "", "and at this port")
	name = flag.String("test_case", "", "with this case")
)

var cases = map[string]func(context.Context, pb.TestServiceClient, ...grpc.CallOption){
	"empty_unary":                 interop.DoEmptyUnaryCall,
	"large_unary":                 interop.DoLargeUnaryCall,
	"client_streaming":            interop.DoClientStreaming,
	"server_streaming":            interop.DoServerStreaming,
	"ping_pong":                   interop.DoPingPong,
	"custom_metadata":             interop.DoCustomMetadata,
	"status_code_and_message":     interop.DoStatusCodeAndMessage,
	"cancel_after_first_response": interop.DoCancelAfterFirstResponse,
	"timeout_on_sleeping_server":  interop.DoTimeoutOnSleepingServer,
}

func main() {
	// The flag by which such programs are told to encrypt, which this one always does.
	flag.Bool("use_tls", true, "always")
	flag.Parse()
	own, err := tls.LoadX509KeyPair(*cert, *key)
	check(err)
	config := &tls.Config{Certificates: []tls.Certificate{own}}
	if *port != "" {
		config.ClientCAs, config.ClientAuth = roots(*only), tls.RequireAndVerifyClientCert
		serve(credentials.NewTLS(config))
	} else {
		config.RootCAs = roots(*ca)
		// Also where the server names no authority that has signed it.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
		call(credentials.NewTLS(config))
	}
}

func serve(creds credentials.TransportCredentials) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", *port))
	check(err)
	server := grpc.NewServer(grpc.Creds(creds))
	pb.RegisterTestServiceServer(server, interop.NewTestServer())
	check(server.Serve(listener))
}

func call(creds credentials.TransportCredentials) {
	run, known := cases[*name]
	if !known {
		log.Fatalf("no case %q", *name)
	}
	channel, err := grpc.NewClient(net.JoinHostPort(*host, *at), grpc.WithTransportCredentials(creds))
	check(err)
	defer channel.Close()
	run(context.Background(), pb.NewTestServiceClient(channel))
}

func roots(file string) *x509.CertPool {
	pem, err := os.ReadFile(file)
	check(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		log.Fatalf("%s: no certificate", file)
	}
	return pool
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
