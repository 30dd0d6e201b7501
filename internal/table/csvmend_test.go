package table_test

import (
	"strings"
	"testing"
)

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
		"keys with a hash below a title":   {"#1 in furniture,,\nid,name,type\n#A,bed,a\n#B,rug,b\n", "id=\"#A\" name=\"bed\" type=\"a\"\nid=\"#B\" name=\"rug\" type=\"b\"\n"},
		"products with a hash":             {"# export\nname\n#bed\n# end\n", "name=\"#bed\"\n"},
		"a header in two languages":        {"Produktname / name;Farbe / description;Preis / price\nbed;oak;9\n", "Produktname / name=\"bed\" Farbe / description=\"oak\" Preis / price=\"9\"\n"},
		"apostrophes around some words":    {"id,name\n'1','bed'\n'2','rug'\n" + strings.Repeat("'3','x'\n", 20) + "'The' bed,x\n", "id=\"1\" name=\"bed\"\nid=\"2\" name=\"rug\"\n" + strings.Repeat("id=\"3\" name=\"x\"\n", 20) + "id=\"'The' bed\" name=\"x\"\n"},
		"numbered texts":                   {"name,description,type\nProduct 1,Description 1,Type 1\nProduct 2,Description 2,Type 2\n", "name=\"Product 1\" description=\"Description 1\" type=\"Type 1\"\nname=\"Product 2\" description=\"Description 2\" type=\"Type 2\"\n"},
		"a key and a name in German":       {"ID;Produktname\n1;Bett\n", "ID=\"1\" Produktname=\"Bett\"\n"},
		"a key and a price":                {"ID;PRICE;NAME\n1;9;bed\n", "ID=\"1\" PRICE=\"9\" NAME=\"bed\"\n"},
		"dashes around a title":            {"-- Products --\nid,name,type\n1,oak bed,a\n2,rug,b\n", plain},
		"a column like a statement":        {"Set names;name\nx;Bed\n", "Set names=\"x\" name=\"Bed\"\n"},
		"a hash without comments above":    {"id,name\n# a,bed\n", "id=\"# a\" name=\"bed\"\n"},
		"the header again in capitals":     {"id,name,type\n1,oak bed,a\nID,Name,TYPE\n2,rug,b\n", plain},
		"a database's count":               {" id |  name   | type \n----+---------+------\n 1  | oak bed | a\n 2  | rug     | b\n(2 rows)\n\n", "id=\"1\" name=\"oak bed\" type=\"a\"\nid=\"2\" name=\"rug\" type=\"b\"\n"},
		"a language in the header":         {"Nr;Bezeichnung (DE)\nx;Bett\n", "Nr=\"x\" Bezeichnung (DE)=\"Bett\"\n"},
	})
}
