package table

import (
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// valueOf returns the function that makes values of a column's.
func valueOf(t parquet.Type) func(parquet.Value) Value {
	convert := plainValue(t.Kind())
	if logical := t.LogicalType(); logical != nil {
		if special := logicalValue(t.Kind(), logical.Value); special != nil {
			convert = special
		}
	}
	return func(v parquet.Value) Value {
		if v.IsNull() {
			return Value{}
		}
		return convert(v)
	}
}

func plainValue(kind parquet.Kind) func(parquet.Value) Value {
	switch kind {
	case parquet.Boolean:
		return func(v parquet.Value) Value { return BoolValue(v.Boolean()) }
	case parquet.Int32:
		return func(v parquet.Value) Value { return IntValue(int64(v.Int32())) }
	case parquet.Int64:
		return func(v parquet.Value) Value { return IntValue(v.Int64()) }
	case parquet.Float:
		return func(v parquet.Value) Value { return floatValue(float64(v.Float()), 32) }
	case parquet.Double:
		return func(v parquet.Value) Value { return floatValue(v.Double(), 64) }
	case parquet.Int96:
		return func(v parquet.Value) Value {
			i := v.Int96()
			nanos := int64(uint64(i[1])<<32 | uint64(i[0]))
			const epoch = 2_440_588 // the Julian day of 1 January 1970
			return momentValue(time.Unix((int64(i[2])-epoch)*86_400, nanos))
		}
	}
	return func(v parquet.Value) Value {
		if text := v.ByteArray(); utf8.Valid(text) {
			return TextValue(string(text))
		}
		return Value{} // bytes that are not text
	}
}

// isBinary reports whether a value is bytes that are not text.
func isBinary(v parquet.Value) bool {
	return (v.Kind() == parquet.ByteArray || v.Kind() == parquet.FixedLenByteArray) && !utf8.Valid(v.ByteArray())
}

// floatValue returns a number without an exponent, and null for what is none.
func floatValue(f float64, bits int) Value {
	v := NumberValue(f)
	if v.Kind == Number {
		v.Text = numberText(strconv.FormatFloat(f, 'g', -1, bits))
	}
	return v
}

// logicalValue returns nil for types whose values are what they are stored as.
func logicalValue(kind parquet.Kind, t format.LogicalTypeValue) func(parquet.Value) Value {
	switch t := t.(type) {
	case *format.DateType:
		return func(v parquet.Value) Value {
			return TextValue(time.Unix(int64(v.Int32())*86_400, 0).UTC().Format(time.DateOnly))
		}
	case *format.TimestampType:
		unit := unitOf(t.Unit)
		return func(v parquet.Value) Value {
			perSecond := int64(time.Second / unit)
			n := v.Int64()
			return momentValue(time.Unix(n/perSecond, n%perSecond*int64(unit)))
		}
	case *format.TimeType:
		unit := unitOf(t.Unit)
		return func(v parquet.Value) Value {
			n := v.Int64()
			if kind == parquet.Int32 {
				n = int64(v.Int32())
			}
			return TextValue(time.Time{}.Add(time.Duration(n) * unit).Format("15:04:05.999999999"))
		}
	case *format.DecimalType:
		return func(v parquet.Value) Value { return decimalValue(kind, v, int(t.Scale)) }
	case *format.UUIDType:
		return func(v parquet.Value) Value {
			h := hex.EncodeToString(v.ByteArray())
			if len(h) != 32 {
				return TextValue(h)
			}
			return TextValue(strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-"))
		}
	case *format.IntType:
		if !t.IsSigned && kind == parquet.Int64 {
			return func(v parquet.Value) Value { return Value{Number, strconv.FormatUint(v.Uint64(), 10), nil} }
		}
		if !t.IsSigned {
			return func(v parquet.Value) Value { return IntValue(int64(v.Uint32())) }
		}
	}
	return nil
}

func unitOf(u format.TimeUnit) time.Duration {
	if u.Value == nil {
		return time.Microsecond
	}
	return u.Value.Duration()
}

func momentValue(t time.Time) Value {
	t = t.UTC()
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 && t.Nanosecond() == 0 {
		return TextValue(t.Format(time.DateOnly))
	}
	return TextValue(t.Format("2006-01-02 15:04:05.999999999"))
}

// decimalValue returns a number that is stored as a whole one of its last digit's unit.
func decimalValue(kind parquet.Kind, v parquet.Value, scale int) Value {
	n := new(big.Int)
	switch kind {
	case parquet.Int32:
		n.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		n.SetInt64(v.Int64())
	default:
		b := v.ByteArray()
		n.SetBytes(b)
		if len(b) > 0 && b[0] >= 0x80 { // two's complement
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	}
	if scale < 0 || scale > 100 {
		return Value{Number, n.String(), nil}
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	return Value{Number, new(big.Rat).SetFrac(n, unit).FloatString(scale), nil}
}
