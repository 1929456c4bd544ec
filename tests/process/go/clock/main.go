// SPDX-License-Identifier: Apache-2.0

// The interface org.example.clock with Go's library, for test-go.sh.
//
//	clock serve ADDRESS           a service; asked for more it answers three times, and the third is the last
//	clock now ADDRESS [ZONE]      the time
//	clock watch ADDRESS TIMES     asks for more, and leaves after so many answers
//	clock stamp ADDRESS LINE      upgrades its connection, over which the line comes back with the time
//	clock introspect ADDRESS      what the service says of itself
//	clock call ADDRESS METHOD     a call without any parameters
//
// orgexampleclock is what varlink-go-interface-generator writes of examples/clock/org.example.clock.varlink.
package main

import (
	"context"
	"fmt"
	"orgexampleclock"
	"os"
	"strconv"
	"strings"

	"github.com/varlink/go/varlink"
)

type clock struct {
	orgexampleclock.VarlinkInterface
}

func (c *clock) Now(ctx context.Context, call orgexampleclock.VarlinkCall, zone *string) error {
	if zone != nil && *zone != "UTC" {
		return call.ReplyNoSuchZone(ctx, *zone)
	}
	for i := 1; call.WantsMore() && i < 3; i++ {
		call.Continues = true
		if err := call.ReplyNow(ctx, "go "+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	call.Continues = false
	return call.ReplyNow(ctx, "go 3")
}

// Each line comes back with go before it.
func (c *clock) Stamp(ctx context.Context, call orgexampleclock.VarlinkCall) error {
	if !call.WantsUpgrade() {
		return call.ReplyMethodNotImplemented(ctx, "Stamp")
	}
	if err := call.ReplyStamp(ctx); err != nil {
		return err
	}
	for {
		line, err := call.Conn.ReadBytes(ctx, '\n')
		if err != nil {
			return err
		}
		if _, err = call.Conn.Write(ctx, append([]byte("go "), line...)); err != nil {
			return err
		}
	}
}

func serve(ctx context.Context, address string) error {
	service, err := varlink.NewService("Example", "Clock in Go", "1", "https://example.org/")
	if err != nil {
		return err
	}
	if err = service.RegisterInterface(orgexampleclock.VarlinkNew(&clock{})); err != nil {
		return err
	}
	return service.Listen(ctx, address, 0)
}

func now(ctx context.Context, c *varlink.Connection, zone *string) error {
	time, err := orgexampleclock.Now().Call(ctx, c, zone)
	if err == nil {
		fmt.Println(time)
	}
	return err
}

func watch(ctx context.Context, c *varlink.Connection, times string) error {
	n, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	receive, err := orgexampleclock.Now().Send(ctx, c, varlink.More, nil)
	for i := 0; err == nil && i < n; i++ {
		var time string
		var flags uint64
		if time, flags, err = receive(ctx); err == nil {
			fmt.Println(time, flags == varlink.Continues)
		}
	}
	return err
}

func stamp(ctx context.Context, c *varlink.Connection, line string) error {
	var out struct{}
	receive, err := c.Upgrade(ctx, "org.example.clock.Stamp", nil)
	if err != nil {
		return err
	}
	_, connection, err := receive(ctx, &out)
	if err != nil {
		return err
	}
	if _, err = connection.Write(ctx, []byte(line+"\n")); err != nil {
		return err
	}
	stamped, err := connection.ReadBytes(ctx, '\n')
	fmt.Print(string(stamped))
	return err
}

func introspect(ctx context.Context, c *varlink.Connection) error {
	var vendor, product, version, url string
	var interfaces []string
	if err := c.GetInfo(ctx, &vendor, &product, &version, &url, &interfaces); err != nil {
		return err
	}
	fmt.Println(strings.Join(interfaces, " "))
	for _, name := range interfaces {
		description, err := c.GetInterfaceDescription(ctx, name)
		if err != nil {
			return err
		}
		fmt.Println(description)
	}
	return nil
}

func ask(ctx context.Context, arguments []string) error {
	c, err := varlink.NewConnection(ctx, arguments[1])
	if err != nil {
		return err
	}
	defer c.Close()
	switch arguments[0] {
	case "now":
		if len(arguments) > 2 {
			return now(ctx, c, &arguments[2])
		}
		return now(ctx, c, nil)
	case "watch":
		return watch(ctx, c, arguments[2])
	case "stamp":
		return stamp(ctx, c, arguments[2])
	case "introspect":
		return introspect(ctx, c)
	case "call":
		var out map[string]interface{}
		return c.Call(ctx, arguments[2], nil, &out)
	}
	return fmt.Errorf("no such verb: %s", arguments[0])
}

func main() {
	var err error
	if os.Args[1] == "serve" {
		err = serve(context.Background(), os.Args[2])
	} else {
		err = ask(context.Background(), os.Args[1:])
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%#v\n", err)
		os.Exit(1)
	}
}
