package boltstore

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"io"
)

// The layout of a bbolt file, version 2: pages of one size, in the byte order
// of the machine (go.etcd.io/bbolt, internal/common). A page begins with its
// number, a flag, a count of elements, and how many pages it goes on for.
const (
	pageHeader = 16 // id u64, flags u16, count u16, overflow u32
	elemBytes  = 16 // leaf: flags, pos, ksize, vsize u32; branch: pos, ksize u32, id u64

	branchFlag   = 0x01
	leafFlag     = 0x02
	freelistFlag = 0x10

	metaMagic      = 0xED0CDAED
	metaVersion    = 2
	metaBytes      = 64 // of which the last 8 are a checksum
	noFreelist     = ^uint64(0)
	bucketHeader   = 16 // root u64, sequence u64
	bucketElem     = 0x01
	countElsewhere = 0xFFFF // the freelist's count is its first element

	maxFileBytes = 1 << 32
	maxPageBytes = 1 << 28 // of one page with what it goes on for
)

var order = binary.NativeEndian

// inspector walks over the pages of a file as bbolt would, with every number
// checked before it is followed. bbolt itself trusts them: a page that names
// itself as its child sends it round for ever.
type inspector struct {
	file io.ReaderAt
	size uint64          // of one page
	high uint64          // pages in use
	seen map[uint64]bool // pages reached
}

// inspect returns an error that matches storage.ErrCorrupt for a file whose
// structure is not sound. Values are not looked at.
func inspect(file io.ReaderAt, pageSize int) error {
	in := &inspector{file: file, size: uint64(pageSize), seen: map[uint64]bool{0: true, 1: true}}
	meta, err := in.meta()
	if err != nil {
		return err
	}
	root, freelist := order.Uint64(meta[16:]), order.Uint64(meta[32:])
	in.high = order.Uint64(meta[40:])
	if in.high < 2 || in.high > maxFileBytes/in.size {
		return corrupt("%d pages", in.high)
	}
	if err := in.tree(root, true); err != nil {
		return err
	}
	if freelist == noFreelist {
		return nil
	}
	return in.freelist(freelist)
}

// meta returns the newer of the two valid meta records, as bbolt chooses it.
func (in *inspector) meta() ([]byte, error) {
	var best []byte
	for id := range uint64(2) {
		page := make([]byte, pageHeader+metaBytes)
		if _, err := in.file.ReadAt(page, int64(id*in.size)); err != nil {
			continue
		}
		meta := page[pageHeader:]
		sum := fnv.New64a()
		sum.Write(meta[:metaBytes-8])
		if order.Uint32(meta) != metaMagic || order.Uint32(meta[4:]) != metaVersion ||
			uint64(order.Uint32(meta[8:])) != in.size || order.Uint64(meta[metaBytes-8:]) != sum.Sum64() {
			continue
		}
		if best == nil || order.Uint64(meta[48:]) > order.Uint64(best[48:]) {
			best = meta
		}
	}
	if best == nil {
		return nil, corrupt("no valid page of metadata")
	}
	return best, nil
}

// read returns page id with the pages it goes on for, and marks them.
func (in *inspector) read(id uint64) ([]byte, error) {
	if id < 2 || id >= in.high {
		return nil, corrupt("page %d of %d", id, in.high)
	}
	head := make([]byte, pageHeader)
	if _, err := in.file.ReadAt(head, int64(id*in.size)); err != nil {
		return nil, corrupt("page %d cannot be read: %v", id, err)
	}
	pages := 1 + uint64(order.Uint32(head[12:]))
	if order.Uint64(head) != id || pages > in.high-id || pages > maxPageBytes/in.size {
		return nil, corrupt("page %d is not what it should be", id)
	}
	for p := id; p < id+pages; p++ {
		if in.seen[p] {
			return nil, corrupt("page %d is used twice", p)
		}
		in.seen[p] = true
	}
	page := make([]byte, pages*in.size)
	if _, err := in.file.ReadAt(page, int64(id*in.size)); err != nil {
		return nil, corrupt("page %d cannot be read: %v", id, err)
	}
	return page, nil
}

// tree checks the tree of a bucket. Only the outermost holds buckets.
func (in *inspector) tree(root uint64, outermost bool) error {
	type place struct {
		id    uint64
		least []byte // the branch's key for the page; nil at the root
	}
	waiting := []place{{id: root}}
	var last []byte // the key before, in the order of the tree
	for len(waiting) > 0 {
		at := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		page, err := in.read(at.id)
		if err != nil {
			return err
		}
		switch order.Uint16(page[8:]) {
		case leafFlag:
			if last, err = in.leaf(at.id, page, last, outermost); err != nil {
				return err
			}
		case branchFlag:
			count := int(order.Uint16(page[10:]))
			if count == 0 {
				return corrupt("page %d is an empty branch", at.id)
			}
			first := len(waiting)
			for i := range count {
				elem, ok := element(page, i)
				if !ok {
					return corrupt("page %d is cut short", at.id)
				}
				key, ok := part(page, i, order.Uint32(elem), order.Uint32(elem[4:]))
				if !ok || i > 0 && bytes.Compare(waiting[len(waiting)-1].least, key) >= 0 {
					return corrupt("page %d has a bad key", at.id)
				}
				waiting = append(waiting, place{order.Uint64(elem[8:]), key})
			}
			for i, j := first, len(waiting)-1; i < j; i, j = i+1, j-1 {
				waiting[i], waiting[j] = waiting[j], waiting[i]
			}
		default:
			return corrupt("page %d is neither branch nor leaf", at.id)
		}
	}
	return nil
}

// leaf checks a leaf page, also one that lies inside a value, and returns its
// last key.
func (in *inspector) leaf(id uint64, page, last []byte, outermost bool) ([]byte, error) {
	for i := range int(order.Uint16(page[10:])) {
		elem, ok := element(page, i)
		if !ok {
			return nil, corrupt("page %d is cut short", id)
		}
		pos, ksize, vsize := order.Uint32(elem[4:]), order.Uint32(elem[8:]), order.Uint32(elem[12:])
		key, ok := part(page, i, pos, ksize)
		if !ok || len(key) == 0 || last != nil && bytes.Compare(last, key) >= 0 {
			return nil, corrupt("page %d has a bad key", id)
		}
		value, ok := part(page, i, pos+ksize, vsize)
		if !ok || uint64(pos)+uint64(ksize) > maxPageBytes {
			return nil, corrupt("page %d has a bad value", id)
		}
		last = key
		isBucket := order.Uint32(elem)&bucketElem != 0
		if isBucket != outermost {
			return nil, corrupt("page %d mixes buckets and values", id)
		}
		if isBucket {
			if err := in.bucket(id, value); err != nil {
				return nil, err
			}
		}
	}
	return last, nil
}

// bucket checks the bucket that a value stands for: a tree of its own, or, if
// it is small, one page right there.
func (in *inspector) bucket(id uint64, value []byte) error {
	if len(value) < bucketHeader {
		return corrupt("page %d has a bad bucket", id)
	}
	if root := order.Uint64(value); root != 0 {
		return in.tree(root, false)
	}
	page := value[bucketHeader:]
	if len(page) < pageHeader || order.Uint16(page[8:]) != leafFlag {
		return corrupt("page %d has a bad bucket", id)
	}
	_, err := in.leaf(id, page, nil, false)
	return err
}

// freelist checks the list of pages that may be written to.
func (in *inspector) freelist(id uint64) error {
	page, err := in.read(id)
	if err != nil {
		return err
	}
	if order.Uint16(page[8:]) != freelistFlag {
		return corrupt("page %d is not the list of free pages", id)
	}
	list, count := page[pageHeader:], uint64(order.Uint16(page[10:]))
	if count == countElsewhere {
		count, list = order.Uint64(list), list[8:]
	}
	if count > uint64(len(list))/8 {
		return corrupt("page %d is cut short", id)
	}
	for i := range count {
		free := order.Uint64(list[8*i:])
		if free < 2 || free >= in.high || in.seen[free] {
			return corrupt("page %d is free and in use", free)
		}
		in.seen[free] = true
	}
	return nil
}

// element returns element i of a page.
func element(page []byte, i int) ([]byte, bool) {
	at := pageHeader + i*elemBytes
	if at+elemBytes > len(page) {
		return nil, false
	}
	return page[at : at+elemBytes], true
}

// part returns n bytes at pos, which is counted from element i.
func part(page []byte, i int, pos, n uint32) ([]byte, bool) {
	from := uint64(pageHeader+i*elemBytes) + uint64(pos)
	to := from + uint64(n)
	if to > uint64(len(page)) {
		return nil, false
	}
	return page[from:to], true
}
