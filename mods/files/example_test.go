package files_test

import (
	"fmt"
	"os"
	"testing/fstest"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/files"
)

func ExampleFolder() {
	dir, err := os.MkdirTemp("", "game")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	folder, err := files.NewFolder(dir, "sheep", files.Limits{Bytes: 64 << 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer folder.Close()
	fmt.Println(folder.Write("maps/meadow.txt", "green"))
	fmt.Println(folder.Append("maps/meadow.txt", " and wide"))
	fmt.Println(folder.Read("maps/meadow.txt", 100))
	fmt.Println(folder.Write("../../etc/passwd", "root::0:0"))
	fmt.Println(folder.Write("Maps/hill.txt", "steep"))
	// Output:
	// <nil>
	// <nil>
	// green and wide <nil>
	// cannot write "../../etc/passwd": bad name: ".."; paths are clean and stay in the mod's folder
	// cannot write "Maps/hill.txt": names collide: on some systems it is the same as "maps"
}

func ExampleContents() {
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml":       {},
		"data/names.txt": {Data: []byte("Dolly\r\nShaun\r\n")},
	}, bundle.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	assets, err := files.NewContents(b.FS())
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := assets.Text("data/names.txt")
	fmt.Printf("%q %v\n", text, err)
	fmt.Println(assets.List("data"))
	// Output:
	// "Dolly\nShaun\n" <nil>
	// [{names.txt 14 false}] <nil>
}
