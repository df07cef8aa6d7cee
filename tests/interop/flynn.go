// The other end of interop.c, over github.com/flynn/noise.
//
// usage: peer noise|psk|link dial PORT
//
//	peer noise|psk|link accept       (prints its port)
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/flynn/noise"
)

const (
	whole = 1
	part  = 2
	last  = 3
	ping  = 5
	pong  = 6
	bye   = 7

	// records of one key, in each direction
	rekey = 1024
)

var (
	suite = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly,
		noise.HashBLAKE2b)
	psk     = append([]byte("psk"), make([]byte, 29)...)
	seed    = bytes.Repeat([]byte{7}, 32)
	buckets = []int{64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384,
		32768, 65519}
	// from the first second on, without an end
	times = []byte{0, 0, 0, 0, 0, 0, 0, 0,
		0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func check(ok bool, what string) {
	if !ok {
		log.Fatal(what)
	}
}

type channel struct {
	conn           net.Conn
	in             *bufio.Reader
	hash           []byte
	send, receive  *noise.CipherState
	sent, received int
}

func (c *channel) putFrame(m []byte) {
	out := make([]byte, 2, 2+len(m))
	binary.BigEndian.PutUint16(out, uint16(len(m)))
	_, err := c.conn.Write(append(out, m...))
	must(err)
}

func (c *channel) read(n int) []byte {
	b := make([]byte, n)
	_, err := io.ReadFull(c.in, b)
	must(err)
	return b
}

func (c *channel) getFrame() []byte {
	return c.read(int(binary.BigEndian.Uint16(c.read(2))))
}

func (c *channel) put(plain []byte) {
	m, err := c.send.Encrypt(nil, nil, plain)
	must(err)
	c.putFrame(m)
	if c.sent++; c.sent%rekey == 0 {
		c.send.Rekey()
	}
}

func (c *channel) get() []byte {
	plain, err := c.receive.Decrypt(nil, nil, c.getFrame())
	must(err)
	if c.received++; c.received%rekey == 0 {
		c.receive.Rekey()
	}
	return plain
}

func signed(public, x25519 []byte) []byte {
	s := append([]byte("sotto/1 device\x00"), public...)
	return append(append(s, x25519...), times...)
}

func certificate(x25519 []byte) []byte {
	key := ed25519.NewKeyFromSeed(seed)
	public := []byte(key.Public().(ed25519.PublicKey))
	c := append(append([]byte{}, public...), times...)
	return append(c, ed25519.Sign(key, signed(public, x25519))...)
}

func certificateCheck(c, x25519 []byte) {
	check(len(c) == 112 && bytes.Equal(c[32:48], times) &&
		ed25519.Verify(c[:32], signed(c[:32], x25519), c[48:]),
		"the certificate is not signed")
}

func (c *channel) config(mode string, dialling bool) noise.Config {
	preface := []byte{'S', 'V', 1, 0, 0, 0, 0, 0}
	static, err := suite.GenerateKeypair(rand.Reader)
	must(err)
	if mode == "psk" {
		preface[3] = 1
	}
	if dialling {
		_, err = c.conn.Write(preface)
		must(err)
	} else {
		check(bytes.Equal(c.read(8), preface), "another preface")
	}
	config := noise.Config{
		CipherSuite:   suite,
		Random:        rand.Reader,
		Pattern:       noise.HandshakeXX,
		Initiator:     dialling,
		Prologue:      append([]byte("sotto/1 noise\x00"), preface...),
		StaticKeypair: static,
	}
	if mode == "psk" {
		config.PresharedKey = psk
	}
	return config
}

func (c *channel) handshake(mode string, dialling bool) {
	config := c.config(mode, dialling)
	state, err := noise.NewHandshakeState(config)
	must(err)
	var first, second *noise.CipherState
	for i, text := range []string{"", "answer", "key"} {
		payload := []byte(text)
		if (i%2 == 0) != dialling {
			var got []byte
			got, first, second, err =
				state.ReadMessage(nil, c.getFrame())
			must(err)
			if mode == "link" && i > 0 {
				certificateCheck(got, state.PeerStatic())
			} else {
				check(bytes.Equal(got, payload), "payload")
			}
			continue
		}
		if mode == "link" && i > 0 {
			payload = certificate(config.StaticKeypair.Public)
		}
		var m []byte
		m, first, second, err = state.WriteMessage(nil, payload)
		must(err)
		c.putFrame(m)
	}
	c.hash = state.ChannelBinding()
	c.send, c.receive = first, second
	if !dialling {
		c.send, c.receive = second, first
	}
}

// Hashes, then its echoes, then ours.
func (c *channel) bare() {
	theirs := c.get()
	c.put(c.hash)
	check(bytes.Equal(theirs, c.hash), "the handshake hashes differ")
	echoes := int(binary.BigEndian.Uint16(c.get()))
	for i := 0; i < echoes; i++ {
		c.put(c.get())
	}
	for i := 0; i < echoes; i++ {
		text := bytes.Repeat([]byte{byte(i)}, i%600)
		c.put(text)
		check(bytes.Equal(c.get(), text), "no echo")
	}
}

func bucket(n int) int {
	for _, b := range buckets {
		if b >= n {
			return b
		}
	}
	log.Fatal("a record is too long")
	return 0
}

func (c *channel) putRecord(kind byte, body []byte) {
	plain := make([]byte, bucket(3+len(body)))
	binary.BigEndian.PutUint16(plain, uint16(len(body)))
	plain[2] = kind
	copy(plain[3:], body)
	c.put(plain)
}

func (c *channel) getRecord() (byte, []byte) {
	plain := c.get()
	check(len(plain) >= 3, "a record is too short")
	n := int(binary.BigEndian.Uint16(plain))
	check(len(plain) == bucket(3+n), "not a bucket")
	check(len(bytes.Trim(plain[3+n:], "\x00")) == 0, "padding")
	return plain[2], plain[3 : 3+n]
}

func (c *channel) putPacket(data []byte) {
	const size = 32000
	kind := byte(whole)
	for len(data) > size {
		c.putRecord(part, data[:size])
		data = data[size:]
		kind = last
	}
	c.putRecord(kind, data)
}

func (c *channel) getPacket() []byte {
	var data []byte
	for {
		kind, body := c.getRecord()
		check(kind == whole || kind == part || kind == last, "type")
		data = append(data, body...)
		if kind != part {
			return data
		}
	}
}

type packet map[string]interface{}

func parse(data []byte) packet {
	p := packet{}
	must(json.Unmarshal(data, &p))
	return p
}

func (c *channel) conversation() {
	data := c.getPacket()
	mine := parse(data)
	echoes, err := strconv.Atoi(mine["message"].(string))
	must(err)
	for i := 0; i < echoes; i++ {
		c.putPacket(data)
		data = c.getPacket()
	}
	check(parse(data)["message"] == strings.Repeat("\x01", 16384),
		"the long one")
	c.putPacket(data)
	for i := 0; i < echoes; i++ {
		mine["message"] = fmt.Sprintf("%0*d", 1+i%600, i)
		mine["seq"] = i + 1
		data, err = json.Marshal(mine)
		must(err)
		c.putPacket(data)
		back := parse(c.getPacket())
		check(back["message"] == mine["message"] &&
			back["seq"] == float64(i+1), "no echo")
	}
	c.putRecord(ping, nil)
	kind, body := c.getRecord()
	check(kind == pong && len(body) == 0, "no pong")
	c.putRecord(bye, nil)
}

func meet(dialling bool) net.Conn {
	if dialling {
		conn, err := net.Dial("tcp", "127.0.0.1:"+os.Args[3])
		must(err)
		return conn
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	conn, err := listener.Accept()
	must(err)
	return conn
}

func main() {
	mode, dialling := os.Args[1], os.Args[2] == "dial"
	c := &channel{conn: meet(dialling)}
	c.in = bufio.NewReader(c.conn)
	c.handshake(mode, dialling)
	if mode == "link" {
		c.conversation()
	} else {
		c.bare()
	}
	must(c.conn.Close())
}
