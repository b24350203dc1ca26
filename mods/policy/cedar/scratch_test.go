package cedar
import "testing"
func TestReady(t *testing.T){ for _,n:=range ReadyNames(){ s,_,_:=ReadyText(n); p,err:=Parse(n+".cedar",[]byte(s)); if err!=nil {t.Error(err); continue}; t.Log(p.Name(),len(p.rules)) } }
