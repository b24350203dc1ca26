package bundle

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// readLocals finds the compressed body of each record. data is what comes
// before the central directory. The entries must fill it, one after another
// and without a gap, so that no two share bytes (the "better zip bomb" of
// Fifield, 2019) and none can hide between them; and each local header must
// repeat what the central directory says, so that no other tool reads another
// archive in the same bytes.
func readLocals(data []byte, records []record) ([][]byte, error) {
	order := make([]int, len(records))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(records[a].offset, records[b].offset) })
	bodies := make([][]byte, len(records))
	at := 0
	for _, i := range order {
		rec := records[i]
		if int64(rec.offset) != int64(at) {
			return nil, &Error{Path: rec.name, Reason: Overlap, Detail: "it does not begin where the entry before it ends"}
		}
		body, n, err := readLocal(data[at:], rec)
		if err != nil {
			return nil, err
		}
		bodies[i] = body
		at += n
	}
	if at != len(data) {
		return nil, &Error{Reason: Overlap, Detail: "bytes before the central directory belong to no entry"}
	}
	return bodies, nil
}

// readLocal returns the body of the entry at the start of data, and the length
// of header, body and data descriptor.
func readLocal(data []byte, rec record) ([]byte, int, error) {
	if len(data) < localSize || binary.LittleEndian.Uint32(data) != localSignature {
		return nil, 0, corrupt(rec.name, "no local header where the central directory says")
	}
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(data[at:])) }
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	nameEnd := localSize + u16(26)
	start := nameEnd + u16(28)
	end := int64(start) + int64(rec.compressed)
	switch {
	case end > int64(len(data)):
		return nil, 0, &Error{Path: rec.name, Reason: Overlap, Detail: "its content runs into the central directory"}
	case string(data[localSize:nameEnd]) != rec.name:
		return nil, 0, corrupt(rec.name, "its local header has another name")
	case uint16(u16(6)) != rec.flags, uint16(u16(8)) != rec.method:
		return nil, 0, corrupt(rec.name, "its local header has other flags or another compression")
	}
	if err := checkExtra(rec.name, data[nameEnd:start]); err != nil {
		return nil, 0, err
	}
	crc, compressed, size := u32(14), u32(18), u32(22)
	tail := data[end:]
	n := int(end)
	if rec.flags&flagDescriptor != 0 {
		// The numbers follow the body, with or without a signature (4.3.9).
		// What the header does not know, it gives as 0.
		if crc != 0 && crc != rec.crc || compressed != 0 && compressed != rec.compressed || size != 0 && size != rec.size {
			return nil, 0, corrupt(rec.name, "its local header differs from the central directory")
		}
		if len(tail) >= 4 && binary.LittleEndian.Uint32(tail) == descriptorSignature {
			tail = tail[4:]
			n += 4
		}
		if len(tail) < 12 {
			return nil, 0, corrupt(rec.name, "its data descriptor is cut short")
		}
		crc, compressed, size = binary.LittleEndian.Uint32(tail), binary.LittleEndian.Uint32(tail[4:]), binary.LittleEndian.Uint32(tail[8:])
		n += 12
	}
	if crc != rec.crc || compressed != rec.compressed || size != rec.size {
		return nil, 0, corrupt(rec.name, "its sizes or checksum differ from those in the central directory")
	}
	return data[start:end], n, nil
}
