package bundle_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"testing"
	"testing/fstest"
)

// rawEntry describes one entry of an archive byte by byte, so that tests can
// write what archive/zip's writer refuses to. The zero value of each field
// after text means "as an honest writer would".
type rawEntry struct {
	name string
	text string

	store      bool
	flags      uint16
	method     int    // instead of the real one, in both headers
	mode       uint32 // Unix mode, else none
	time       uint32 // MS-DOS date and time of day
	extra      []byte
	localName  string
	size       int64 // declared, instead of the real one; -1 for 0
	crc        uint32
	at         *uint32 // offset of the local header
	noLocal    bool    // no local header and body are written
	descriptor bool    // sizes follow the body
	halfKnown  uint32  // with descriptor: the size in the local header
	padding    []byte  // in the compressed body, after its end
	gap        []byte  // after the body
}

// rawZip is an archive; the fields other than entries overrule the end record.
type rawZip struct {
	entries []rawEntry
	prefix  []byte
	suffix  []byte
	comment string
	count   *uint16
	tail    []byte // before the end record
}

const honestManifest = "[mod]\nid = \"honest\"\nversion = \"1.0.0\"\n"

func le(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func (z rawZip) bytes() []byte {
	out := bytes.NewBuffer(bytes.Clone(z.prefix))
	var central bytes.Buffer
	for _, e := range z.entries {
		body, method := []byte(e.text), uint16(0)
		if !e.store {
			var packed bytes.Buffer
			w, _ := flate.NewWriter(&packed, 9)
			io.WriteString(w, e.text)
			w.Close()
			body, method = packed.Bytes(), 8
		}
		body = append(body, e.padding...)
		if e.method != 0 {
			method = uint16(e.method)
		}
		size, crc := uint32(len(e.text)), crc32.ChecksumIEEE([]byte(e.text))
		if e.size != 0 {
			size = uint32(max(e.size, 0))
		}
		if e.crc != 0 {
			crc = e.crc
		}
		offset := uint32(out.Len())
		if e.at != nil {
			offset = *e.at
		}
		local := e.name
		if e.localName != "" {
			local = e.localName
		}
		flags := e.flags
		sizes := le(crc, uint32(len(body)), size)
		localSizes := sizes
		if e.descriptor {
			flags |= 8
			localSizes = le(uint32(0), uint32(0), e.halfKnown)
		}
		if !e.noLocal {
			out.Write(le(uint32(0x04034b50), uint16(20), flags, method, e.time, localSizes, uint16(len(local)), uint16(len(e.extra))))
			out.WriteString(local)
			out.Write(e.extra)
			out.Write(body)
			if e.descriptor {
				out.Write(le(uint32(0x08074b50), sizes))
			}
			out.Write(e.gap)
		}
		creator := uint16(20)
		if e.mode != 0 {
			creator |= 3 << 8
		}
		central.Write(le(uint32(0x02014b50), creator, uint16(20), flags, method, e.time, sizes,
			uint16(len(e.name)), uint16(len(e.extra)), uint16(0), uint16(0), uint16(0), e.mode<<16, offset))
		central.WriteString(e.name)
		central.Write(e.extra)
	}
	start := uint32(out.Len())
	out.Write(central.Bytes())
	out.Write(z.tail)
	count := uint16(len(z.entries))
	if z.count != nil {
		count = *z.count
	}
	out.Write(le(uint32(0x06054b50), uint32(0), count, count, uint32(central.Len()), start, uint16(len(z.comment))))
	out.WriteString(z.comment)
	out.Write(z.suffix)
	return out.Bytes()
}

// with is an archive of an honest manifest and the given entries.
func with(entries ...rawEntry) rawZip {
	return rawZip{entries: append([]rawEntry{{name: "mod.toml", text: honestManifest}}, entries...)}
}

// goZip writes the files with archive/zip, as most Go programs would.
func goZip(t testing.TB, files fstest.MapFS) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	if err := w.AddFS(files); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var honest = fstest.MapFS{
	"mod.toml":          {Data: []byte(honestManifest)},
	"main.lua":          {Data: []byte("local w = require 'lib.weather'\nreturn w\n")},
	"lib/weather.lua":   {Data: bytes.Repeat([]byte("-- sunny\n"), 100)},
	"lib/deep/data.lua": {Data: []byte("return {}\n")},
	"empty.txt":         {},
	"text/größe.txt":    {Data: []byte("groß\n")},
}
