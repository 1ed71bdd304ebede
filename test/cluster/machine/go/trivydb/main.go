// Writes a database of vulnerabilities for trivy, out of the rows it reads from stdin:
//
//	{"path": ["debian 13", "nginx"], "key": "CVE-2026-0001", "value": {"FixedVersion": "1.30.0-1"}}
//
// A path is a bucket and the buckets in it. The schema is version 2 of github.com/aquasecurity/trivy-db (pkg/db):
// "<platform>" / <source package> / <id>, "vulnerability" / <id>, and "data-source" / <platform>.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"
)

type row struct {
	Path  []string        `json:"path"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: trivydb FILE < rows")
		os.Exit(2)
	}
	if err := write(os.Args[1], json.NewDecoder(os.Stdin)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(file string, rows *json.Decoder) error {
	db, err := bolt.Open(file, 0o644, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Update(func(tx *bolt.Tx) error {
		for {
			var next row
			if err := rows.Decode(&next); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := put(tx, next); err != nil {
				return fmt.Errorf("%v %s: %w", next.Path, next.Key, err)
			}
		}
	})
}

func put(tx *bolt.Tx, next row) error {
	if len(next.Path) == 0 {
		return errors.New("a row needs a path")
	}
	bucket, err := tx.CreateBucketIfNotExists([]byte(next.Path[0]))
	for _, name := range next.Path[1:] {
		if err != nil {
			return err
		}
		bucket, err = bucket.CreateBucketIfNotExists([]byte(name))
	}
	if err != nil {
		return err
	}
	return bucket.Put([]byte(next.Key), next.Value)
}
