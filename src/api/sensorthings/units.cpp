#include "sensorthings/units.h"

#include <algorithm>
#include <array>

namespace madang::api::sensorthings {
namespace {

// UNECE Recommendation 20, revision 17; ucum.org, version 2.1.
constexpr std::array<Unit, 57> kUnits{{
    {"23", "gram per cubic centimetre", "g/cm³", "g/cm3"},
    {"2N", "decibel", "dB", "dB"},
    {"4K", "milliampere", "mA", "mA"},
    {"4P", "newton per metre", "N/m", "N/m"},
    {"59", "part per million", "ppm", "[ppm]"},
    {"61", "part per billion", "ppb", "[ppb]"},
    {"A97", "hectopascal", "hPa", "hPa"},
    {"AMP", "ampere", "A", "A"},
    {"ANN", "year", "a", "a"},
    {"BAR", "bar", "bar", "bar"},
    {"C26", "millisecond", "ms", "ms"},
    {"C62", "one", "1", "1"},
    {"CDL", "candela", "cd", "cd"},
    {"CEL", "degree Celsius", "°C", "Cel"},
    {"CMT", "centimetre", "cm", "cm"},
    {"D54", "watt per square metre", "W/m²", "W/m2"},
    {"DAY", "day", "d", "d"},
    {"DD", "degree of angle", "°", "deg"},
    {"E34", "gigabyte", "GB", "GBy"},
    {"FAH", "degree Fahrenheit", "°F", "[degF]"},
    {"GP", "milligram per cubic metre", "mg/m³", "mg/m3"},
    {"GQ", "microgram per cubic metre", "µg/m³", "ug/m3"},
    {"GRM", "gram", "g", "g"},
    {"HTZ", "hertz", "Hz", "Hz"},
    {"HUR", "hour", "h", "h"},
    {"JOU", "joule", "J", "J"},
    {"KEL", "kelvin", "K", "K"},
    {"KGM", "kilogram", "kg", "kg"},
    {"KMH", "kilometre per hour", "km/h", "km/h"},
    {"KMT", "kilometre", "km", "km"},
    {"KPA", "kilopascal", "kPa", "kPa"},
    {"KWH", "kilowatt hour", "kWh", "kW.h"},
    {"KWT", "kilowatt", "kW", "kW"},
    {"L2", "litre per minute", "L/min", "L/min"},
    {"LTR", "litre", "L", "L"},
    {"LUX", "lux", "lx", "lx"},
    {"M1", "milligram per litre", "mg/L", "mg/L"},
    {"MAW", "megawatt", "MW", "MW"},
    {"MBR", "millibar", "mbar", "mbar"},
    {"MIN", "minute", "min", "min"},
    {"MMT", "millimetre", "mm", "mm"},
    {"MQH", "cubic metre per hour", "m³/h", "m3/h"},
    {"MQS", "cubic metre per second", "m³/s", "m3/s"},
    {"MTK", "square metre", "m²", "m2"},
    {"MTQ", "cubic metre", "m³", "m3"},
    {"MTR", "metre", "m", "m"},
    {"MTS", "metre per second", "m/s", "m/s"},
    {"MWH", "megawatt hour", "MWh", "MW.h"},
    {"NTU", "nephelometric turbidity unit", "NTU", ""},
    {"OHM", "ohm", "Ω", "Ohm"},
    {"P1", "percent", "%", "%"},
    {"PAL", "pascal", "Pa", "Pa"},
    {"Q30", "pH", "pH", "[pH]"},
    {"SEC", "second", "s", "s"},
    {"VLT", "volt", "V", "V"},
    {"WHR", "watt hour", "Wh", "W.h"},
    {"WTT", "watt", "W", "W"},
}};
static_assert(std::ranges::is_sorted(kUnits, {}, &Unit::code));

}  // namespace

const Unit* find_unit(std::string_view code) {
  const auto found = std::ranges::lower_bound(kUnits, code, {}, &Unit::code);
  return found != kUnits.end() && found->code == code ? &*found : nullptr;
}

}  // namespace madang::api::sensorthings
