package recording

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// MaxBlock is the most bytes of a block: of what one frame can be recorded in.
const MaxBlock = 128 << 20

const magic = "modrunner recording 1\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// What an [*Error] matches with [errors.Is].
var (
	// ErrFormat: the file is not a recording, or one of another version.
	ErrFormat = errors.New("not a recording that can be read")
	// ErrDamaged: the file is not as it was written.
	ErrDamaged = errors.New("damaged")
	// ErrCutOff: the file ends before the recording does.
	ErrCutOff = errors.New("cut off")
	// ErrTooLarge: a frame does not fit into a block.
	ErrTooLarge = errors.New("too large")
)

// Error is a recording that cannot be read, or written, on.
type Error struct {
	Offset int64 // in bytes, where the block begins that is the matter
	Frame  int64 // of how many whole frames it has, 0 for none
	Err    error
}

// Error says where and what.
func (e *Error) Error() string {
	return fmt.Sprintf("recording: at byte %d, after %d frames: %v", e.Offset, e.Frame, e.Err)
}

// Unwrap returns what is the matter.
func (e *Error) Unwrap() error { return e.Err }

// Writer writes a recording. It belongs to one goroutine.
type Writer struct {
	to     io.Writer
	enc    encoder
	block  []byte
	offset int64
	frames int64
	err    error
}

// NewWriter begins a recording. An error of to's is kept, and returned by Frame.
func NewWriter(to io.Writer, h Header) *Writer {
	w := &Writer{to: to, enc: encoder{interned: map[string]int{}}}
	w.enc.header(h)
	w.flush([]byte(magic))
	return w
}

// Frame appends a frame, with one call of Write. After an error nothing is written
// any more, and it is returned again: an [*Error] that wraps [ErrTooLarge], what is
// wrong with a value, or what Write returned. What was written before can be read.
func (w *Writer) Frame(f *Frame) error {
	if w.err != nil {
		return w.err
	}
	w.enc.frame(f)
	w.flush(nil)
	if w.err == nil {
		w.frames++
	}
	return w.err
}

// flush writes the block that is in the encoder.
func (w *Writer) flush(before []byte) {
	e := &w.enc
	err := e.err
	if err == nil && (len(e.buf) > MaxBlock || e.values > maxValues) {
		err = fmt.Errorf("%w: a frame of %d bytes and %d values; at most %d and %d", ErrTooLarge, len(e.buf), e.values, MaxBlock, maxValues)
	}
	if err == nil {
		w.block = append(w.block[:0], before...)
		w.block = binary.AppendUvarint(w.block, uint64(len(e.buf)))
		w.block = append(w.block, e.buf...)
		w.block = binary.LittleEndian.AppendUint32(w.block, crc32.Checksum(e.buf, castagnoli))
		var n int
		n, err = w.to.Write(w.block)
		if err == nil && n < len(w.block) {
			err = io.ErrShortWrite
		}
	}
	if err != nil {
		w.err = &Error{Offset: w.offset, Frame: w.frames, Err: err}
		e.buf, w.block = nil, nil
		return
	}
	w.offset += int64(len(w.block))
	const keep = 1 << 20
	if cap(e.buf) > keep {
		e.buf, w.block = nil, nil
	}
	e.buf, e.values = e.buf[:0], 0
}

// Reader reads a recording. It belongs to one goroutine.
type Reader struct {
	from   *bufio.Reader
	dec    decoder
	header Header
	offset int64
	frames int64
	err    error // io.EOF after the last frame
}

// NewReader reads a recording's header. The errors are those of [Reader.Next].
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{from: bufio.NewReader(from)}
	begin := make([]byte, len(magic))
	n, err := io.ReadFull(r.from, begin)
	switch {
	case err != nil && err != io.ErrUnexpectedEOF && err != io.EOF:
		return nil, err
	case string(begin[:n]) != magic:
		return nil, &Error{Err: fmt.Errorf("%w: it begins with %.40q; want %q", ErrFormat, begin[:n], magic)}
	}
	r.offset = int64(len(magic))
	block, err := r.block()
	if err == nil {
		r.dec.rest = block
		r.header = r.dec.header()
		err = r.damage()
	}
	if err != nil {
		return nil, r.failed(err)
	}
	r.used(block)
	return r, nil
}

// Header returns the header.
func (r *Reader) Header() Header { return r.header }

// Next returns the next frame. The errors: io.EOF behind the frame of the kind
// [Close]; an [*Error] that matches [ErrCutOff] where the file ends before that,
// [ErrDamaged] or [ErrFormat]; what reading the file returned. After an error it is
// returned again.
func (r *Reader) Next() (*Frame, error) {
	if r.err != nil {
		return nil, r.err
	}
	f, err := r.next()
	if err != nil {
		r.err = r.failed(err)
		return nil, r.err
	}
	r.frames++
	if f.Kind == Close {
		r.err = io.EOF
	}
	return f, nil
}

func (r *Reader) next() (*Frame, error) {
	block, err := r.block()
	if err != nil {
		return nil, err
	}
	r.dec.rest, r.dec.values = block, 0
	f := r.dec.frame()
	if err := r.damage(); err != nil {
		return nil, err
	}
	r.used(block)
	return f, nil
}

// damage returns what is wrong with the block that was decoded.
func (r *Reader) damage() error {
	if r.dec.err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrDamaged, r.dec.err)
}

// used counts a block.
func (r *Reader) used(block []byte) {
	r.offset += int64(len(binary.AppendUvarint(nil, uint64(len(block))))) + int64(len(block)) + crc32.Size
}

// block reads a block, without believing its length.
func (r *Reader) block() ([]byte, error) {
	var size uint64
	for shift := 0; ; shift += 7 {
		b, err := r.from.ReadByte()
		if err == io.EOF {
			return nil, ErrCutOff
		} else if err != nil {
			return nil, err
		}
		if size |= uint64(b&0x7f) << shift; size > MaxBlock {
			return nil, fmt.Errorf("%w: a block of more than %d bytes", ErrDamaged, MaxBlock)
		}
		if b < 0x80 {
			break
		}
		if shift > 28 {
			return nil, fmt.Errorf("%w: a block's length is not one", ErrDamaged)
		}
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r.from, int64(size)+crc32.Size); err == io.EOF {
		return nil, ErrCutOff
	} else if err != nil {
		return nil, err
	}
	all := b.Bytes()
	block := all[:size]
	if have, want := crc32.Checksum(block, castagnoli), binary.LittleEndian.Uint32(all[size:]); have != want {
		return nil, fmt.Errorf("%w: a block's checksum is %08x; want %08x", ErrDamaged, have, want)
	}
	return block, nil
}

// failed says where it failed; errors of the file's own stay as they are.
func (r *Reader) failed(err error) error {
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrCutOff) || errors.Is(err, ErrFormat) {
		return &Error{Offset: r.offset, Frame: r.frames, Err: err}
	}
	return err
}

// AppendFrame appends a frame as it is in a block, without texts that are called by
// their numbers across blocks.
func AppendFrame(to []byte, f *Frame) []byte {
	e := encoder{buf: to, interned: map[string]int{}}
	e.frame(f)
	return e.buf
}

// ParseFrame reads what AppendFrame wrote. The error says what is wrong.
func ParseFrame(text []byte) (*Frame, error) {
	d := decoder{rest: text}
	f := d.frame()
	if d.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, d.err)
	}
	return f, nil
}
