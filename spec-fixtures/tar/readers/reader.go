// Reads archives with Go's archive/tar, the reference for what an archive means.
//
// Standard input holds archives, each after its length as four big-endian bytes; standard output gets one line
// of JSON for each. Names and values are in hexadecimal. Compiled by the differential test.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
)

type entry struct {
	Path        string            `json:"path"`
	Flag        string            `json:"flag"`
	Link        string            `json:"link"`
	Size        int64             `json:"size"`
	Mode        int64             `json:"mode,string"`
	UID         int               `json:"uid"`
	GID         int               `json:"gid"`
	Seconds     int64             `json:"seconds,string"`
	Nanoseconds int               `json:"nanoseconds"`
	Major       int64             `json:"major"`
	Minor       int64             `json:"minor"`
	Xattrs      map[string]string `json:"xattrs"`
	Content     string            `json:"content"`
}

type reading struct {
	Entries []entry `json:"entries"`
	Error   string  `json:"error"`
}

const contentLimit = 64 << 20

var errTooLarge = errors.New("content too large for this test")

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for {
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); err != nil {
			return
		}
		archive := make([]byte, length)
		if _, err := io.ReadFull(in, archive); err != nil {
			os.Exit(1)
		}
		encoder.Encode(read(archive))
	}
}

func read(archive []byte) reading {
	result := reading{Entries: []entry{}}
	// Not a seeker: contents must be read, not skipped.
	archiveReader := tar.NewReader(struct{ io.Reader }{bytes.NewReader(archive)})
	for {
		header, err := archiveReader.Next()
		if err == io.EOF {
			return result
		}
		if err == nil && header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err == nil {
			result.Entries = append(result.Entries, describe(header))
			err = readContent(archiveReader, &result.Entries[len(result.Entries)-1])
		}
		if err != nil {
			result.Error = err.Error()
			return result
		}
	}
}

func describe(header *tar.Header) entry {
	xattrs := map[string]string{}
	for key, value := range header.PAXRecords {
		if name, found := strings.CutPrefix(key, "SCHILY.xattr."); found {
			xattrs[hex.EncodeToString([]byte(name))] = hex.EncodeToString([]byte(value))
		}
	}
	return entry{
		Path:        hex.EncodeToString([]byte(header.Name)),
		Flag:        hex.EncodeToString([]byte{header.Typeflag}),
		Link:        hex.EncodeToString([]byte(header.Linkname)),
		Size:        header.Size,
		Mode:        header.Mode,
		UID:         header.Uid,
		GID:         header.Gid,
		Seconds:     header.ModTime.Unix(),
		Nanoseconds: header.ModTime.Nanosecond(),
		Major:       header.Devmajor,
		Minor:       header.Devminor,
		Xattrs:      xattrs,
	}
}

func readContent(archiveReader *tar.Reader, e *entry) error {
	hash := sha256.New()
	length, err := io.Copy(hash, io.LimitReader(archiveReader, contentLimit+1))
	if length > contentLimit {
		return errTooLarge
	}
	e.Content = hex.EncodeToString(hash.Sum(nil))[:16]
	return err
}
