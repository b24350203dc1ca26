package mods

import (
	"encoding/json"
	"fmt"

	"github.com/luasandbox/modrunner/mods/health"
)

// Where in the store the mods' health is kept. No mod has such an id.
const (
	healthSpace = "@host"
	healthKey   = "health"
	healthBytes = 4 << 20 // of the record
)

// readHealth reads what an earlier host kept of its mods. A record that is damaged
// is told of and left out: with it, a quarantine is forgotten.
func (h *Host) readHealth() error {
	h.storage.kept = map[string]health.Snapshot{}
	values, err := h.storage.store.Load(healthSpace)
	if err != nil {
		return err
	}
	text := values[healthKey]
	h.storage.health, h.storage.record = text, text
	if text == "" {
		return nil
	}
	err = fmt.Errorf("%d bytes; at most %d", len(text), healthBytes)
	if len(text) <= healthBytes {
		err = json.Unmarshal([]byte(text), &h.storage.kept)
	}
	if err != nil {
		h.storage.kept = map[string]health.Snapshot{}
		h.cfg.Logger.Error("the kept health of mods cannot be read", "error", err)
	}
	return nil
}

// keepHealth makes the record what the next save writes.
func (c *storageCapability) keepHealth(record map[string]health.Snapshot) {
	if len(record) == 0 && c.health == "" {
		return
	}
	text, err := json.Marshal(record)
	if err != nil {
		c.host.cfg.Logger.Error("the health of mods cannot be written", "error", err)
		return
	}
	c.record = string(text)
}
