package files

// SetHook has f called before each step of a write.
func (f *Folder) SetHook(hook func(step string)) { f.hook = hook }

// Temporary is the name of drafts.
const Temporary = temporary
