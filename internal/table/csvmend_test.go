package table_test

import "testing"

func TestReader_ReadsRowsThatAreWrittenDifferently(t *testing.T) {
	want := "id=\"1\" name=\"bed, grey\" type=\"a\"\nid=\"2\" name=\"rug\" type=\"b\"\n"
	plain := "id=\"1\" name=\"oak bed\" type=\"a\"\nid=\"2\" name=\"rug\" type=\"b\"\n"
	readsAs(t, map[string]reading{
		"lines in quotes as a whole":       {"\"id,name,type\"\n\"1,\"\"bed, grey\"\",a\"\n\"2,rug,b\"\n", want},
		"rows in quotes as a whole":        {"id,name,type\n\"1,\"\"bed, grey\"\",a\"\n2,rug,b\n", want},
		"apostrophes for quotes":           {"id,name,type\n'1','bed, grey','a'\n'2','rug','b'\n", want},
		"apostrophes within names":         {"id,name,type\n1,'t bed,a\n2,rug 'x',b\n", "id=\"1\" name=\"'t bed\" type=\"a\"\nid=\"2\" name=\"rug 'x'\" type=\"b\"\n"},
		"curly quotes":                     {"id,name,type\n“1”,“bed, grey”,“a”\n“2”,“rug”,“b”\n", want},
		"a tab in front of a quote":        {"id,name,type\n1,\t\"bed, grey\",a\n2, \t\"rug\" ,b\n", want},
		"a backslash before a comma":       {"id,name,type\n1,bed\\, grey,a\n2,rug,b\n", want},
		"a header with another separator":  {"id,name,type\n1\toak bed\ta\n2;rug;b\n", plain},
		"a wrong note of the separator":    {"sep=,\nid;name;type\n1;bed, grey;a\n2;rug;b\n", want},
		"tildes":                           {"id~name~type\n1~bed, grey~a\n2~rug~b\n", want},
		"unit separators":                  {"id\x1fname\x1ftype\n1\x1fbed, grey\x1fa\n2\x1frug\x1fb\n", want},
		"blanks between quotes":            {"\"id\" \"name\" \"type\"\n\"1\" \"bed, grey\" \"a\"\n2 \"rug\" \"b\"\n", want},
		"row numbers of R":                 {"\"id\" \"name\" \"type\"\n\"1\" \"1\" \"bed, grey\" \"a\"\n\"2\" \"2\" \"rug\" \"b\"\n", want},
		"columns aligned by blanks":        {"id   name       type\n1    bed, grey  a\n2    rug        b\n", want},
		"an empty cell among such columns": {"id   name       type\n1    oak bed\n2               b\n", "id=\"1\" name=\"oak bed\" type=\"\"\nid=\"2\" name=\"\" type=\"b\"\n"},
		"comments":                         {"# export\nid,name,type\n1,oak bed,a\n# a, b, c\n2,rug,b\n", plain},
		"a number behind a hash":           {"# export\nid,name\n#1,bed\n", "id=\"#1\" name=\"bed\"\n"},
		"a hash without comments above":    {"id,name\n# a,bed\n", "id=\"# a\" name=\"bed\"\n"},
		"the header again in capitals":     {"id,name,type\n1,oak bed,a\nID,Name,TYPE\n2,rug,b\n", plain},
		"a database's count":               {" id |  name   | type \n----+---------+------\n 1  | oak bed | a\n 2  | rug     | b\n(2 rows)\n\n", "id=\"1\" name=\"oak bed\" type=\"a\"\nid=\"2\" name=\"rug\" type=\"b\"\n"},
		"a language in the header":         {"Nr;Bezeichnung (DE)\nx;Bett\n", "Nr=\"x\" Bezeichnung (DE)=\"Bett\"\n"},
	})
}
