#pragma once
// An entity as the hub holds it: one block of bytes, read in place, never changed once built.
//
// A block is a fixed header, a table of the names it uses and a body that refers to names by their place in that
// table. In memory the table holds symbols; in the journal and in snapshots it holds the names themselves and the
// body is the same bytes (docs/formats/entity.md). So writing a record copies, and reading one re-interns a dozen
// names.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/byte_buffer.h"
#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/ngsi/symbols.h"

namespace madang::ngsi {

using base::Timestamp;

/// Clause 4.5: what an attribute is. Values are stored on disk: never renumber.
enum class Kind : std::uint8_t {
  property = 0,
  geo_property = 1,
  relationship = 2,
  language_property = 3,
  vocab_property = 4,
  json_property = 5,
  list_property = 6,
  list_relationship = 7,
  null = 15,  // the NGSI-LD null in a fragment: "delete this attribute" (clause 4.5.0); never in a stored entity
};
std::string_view kind_name(Kind kind);  // "Property", ...
/// The member that holds a kind's value in the normalized representation: "value", "object", "languageMap", ...
std::string_view value_member(Kind kind);

class EntityView;

/// What an instance may hold that few do, each a text. Stored on disk: never renumber.
enum class Extra : std::uint8_t {
  object_type = 1,  // of a Relationship (clause 4.5.3.2): expanded IRIs, parted by blanks
  entity_id_sealed = 2,
  entity_type_sealed = 3,  // expanded IRIs, parted by blanks; both of an ngsildproof alone (clause 4.5.2.2)
};
inline constexpr std::array kExtras{Extra::object_type, Extra::entity_id_sealed, Extra::entity_type_sealed};
/// Appends one to the extras of an instance. Unknown ones are passed over by who reads.
void append_extra(std::string& extras, Extra which, std::string_view text);
std::string_view find_extra(std::string_view extras, Extra which);  // empty: not there

/// One instance of an attribute (or sub-attribute). Points into its entity's block.
struct AttributeView {
  Symbol name = Symbol::none;
  Kind kind = Kind::property;
  bool nested_keys =
      false;  // the value holds JSON objects whose keys are names: contexts but the core one rewrite them
  bool foreign_keys = false;  // among them are IRIs or keywords: the core context rewrites them too
  bool untyped = false;       // in fragments: the kind was not said, `kind` is a guess
  Timestamp created_at;
  Timestamp modified_at;
  std::optional<Timestamp> observed_at;
  std::optional<Timestamp> expires_at;
  std::string_view dataset_id;  // empty: the default instance
  std::string_view unit_code;   // empty: none
  std::string_view value_type;  // expanded IRI; empty: none
  std::string_view extras;      // see find_extra(); nearly always empty
  /// The value as compact, valid JSON text: of a Relationship the object (`"urn:…"` or an array of them), of a
  /// ListRelationship an array of them, of a LanguageProperty the language map, of a VocabProperty an IRI or an array
  /// of IRIs, of a JsonProperty what was given. Keys of objects nested in a Property or ListProperty: a key of the
  /// default vocabulary stands bare, any other is an IRI; JSON-LD keywords have their `@`.
  std::string_view value;

  std::uint16_t sub_count = 0;
  std::span<const std::byte> subs;   // encoded sub-attributes
  std::span<const std::byte> raw;    // this whole instance, encoded
  const std::byte* block = nullptr;  // of the entity it is in

  template <class Visit>  // visit(const AttributeView&)
  void each_sub(Visit&& visit) const;
  std::optional<AttributeView> find_sub(Symbol wanted) const;
};

/// The owned bytes of a block. Each thread keeps a few megabytes of blocks that went for those that come: a city's
/// entities are of a few sizes, and change far more often than they come and go.
class EntityBlock {
 public:
  EntityBlock() = default;
  explicit EntityBlock(std::size_t size) : bytes_(allocate(size)), size_(static_cast<std::uint32_t>(size)) {}
  EntityBlock(EntityBlock&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  EntityBlock& operator=(EntityBlock&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~EntityBlock() {
    if (bytes_ != nullptr) give_back(bytes_, size_);
  }

  explicit operator bool() const { return bytes_ != nullptr; }
  std::byte* data() { return bytes_; }
  const std::byte* data() const { return bytes_; }
  std::uint32_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {bytes_, size_}; }
  /// Gives the bytes away, to be adopted again: their header knows their size.
  std::byte* release() { return size_ = 0, std::exchange(bytes_, nullptr); }
  static EntityBlock adopt(std::byte* bytes);

 private:
  static std::byte* allocate(std::size_t size);
  static void give_back(std::byte* bytes, std::size_t size) noexcept;

  std::byte* bytes_ = nullptr;
  std::uint32_t size_ = 0;
};

/// The fixed start of every block. Little-endian, 8-byte aligned; disk and memory alike.
struct EntityHeader {
  std::uint32_t size = 0;  // of the whole block in memory
  std::uint16_t name_count = 0;
  std::uint16_t attribute_count = 0;  // instances
  std::uint64_t version = 0;          // journal position of the last change
  std::int64_t created_at = 0;        // ns
  std::int64_t modified_at = 0;       // ns
  std::int64_t expires_at = 0;        // ns; 0: never
  std::uint16_t id_size = 0;
  std::uint16_t type_count = 0;
  std::uint16_t scope_count = 0;
  std::uint16_t flags = 0;  // EntityFlag
};
enum EntityFlag : std::uint16_t {
  kScopesGiven = 1,     // of a patch (see splice()): it says the scopes
  kExpiryGiven = 2,     // of a patch: `expires_at` is what the entity's becomes
  kTransientParts = 4,  // an instance or sub-attribute has an expiresAt; may stay behind when it goes
  kHasExtras = 8,       // the same of extras
};
static_assert(sizeof(EntityHeader) == 48);

/// Reads a block in place. Cheap to make and to copy; the block must outlive it. Layout after the header:
/// names u32[name_count]; directory {u16 name, u16 0, u32 offset from the directory's end}[attribute_count];
/// types u16[type_count] (places in the name table); id bytes; scopes (varint length + bytes each); instances.
class EntityView {
 public:
  EntityView() = default;
  explicit EntityView(const std::byte* block) : block_(block) {}
  explicit EntityView(const EntityBlock& block) : block_(block.data()) {}
  explicit operator bool() const { return block_ != nullptr; }

  const EntityHeader& header() const { return *reinterpret_cast<const EntityHeader*>(block_); }
  std::span<const std::byte> bytes() const { return {block_, header().size}; }
  std::string_view id() const;
  std::uint64_t version() const { return header().version; }
  Timestamp created_at() const { return {header().created_at}; }
  Timestamp modified_at() const { return {header().modified_at}; }
  std::optional<Timestamp> expires_at() const;
  /// Something of it has an expiresAt (clause 4.22), or had: see ngsi/expiry.h.
  bool may_expire() const { return header().expires_at != 0 || (header().flags & kTransientParts) != 0; }

  std::size_t type_count() const { return header().type_count; }
  Symbol type(std::size_t index) const;
  bool has_type(Symbol wanted) const;
  std::size_t scope_count() const { return header().scope_count; }
  template <class Visit>  // visit(std::string_view)
  void each_scope(Visit&& visit) const;

  std::size_t attribute_count() const { return header().attribute_count; }
  Symbol attribute_name(std::size_t index) const;
  AttributeView attribute(std::size_t index) const;
  Kind kind(std::size_t index) const;
  /// It is the default instance, has no times but its owner's and no sub-attributes: cheaper to know than attribute().
  bool is_plain(std::size_t index) const;
  /// It is the default instance of a Property and says when it was observed.
  bool is_observation(std::size_t index) const;
  /// The instances' bytes follow each other as the directory has them: nearly always.
  bool is_in_order() const;
  /// An instance as it is encoded; only where is_in_order(). Equal bytes of blocks with equal names and times say the
  /// same.
  std::span<const std::byte> raw(std::size_t index) const;
  /// The first instance with this name, or attribute_count(). Instances of one name stand side by side, the default one
  /// first.
  std::size_t find(Symbol name) const;
  bool has_attribute(Symbol name) const { return find(name) != attribute_count(); }
  std::span<const Symbol> names() const;  // the name table

 private:
  friend class EntityBuilder;
  friend struct AttributeView;
  const std::byte* block_ = nullptr;

  const std::byte* directory() const;
  const std::byte* types() const;
  const std::byte* scopes() const;
  std::uint32_t offset(std::size_t index) const;
  const std::byte* instance(std::size_t index) const { return types() + offset(index); }
  std::uint16_t instance_flags(std::size_t index) const;
  /// `created`, `modified`: of the entity or of the attribute it belongs to; what an instance does not say is the same.
  AttributeView decode(const std::byte* at, Timestamp created, Timestamp modified) const;
};

/// Writes blocks. Reusable: keeps its buffers between entities. Not for several threads at once.
class EntityBuilder {
 public:
  void begin(std::string_view id);
  /// The same with the name table of `base`: its instances are then copied as they are, without decoding.
  void begin_like(EntityView base);
  void set_id(std::string_view id) { id_.assign(id); }
  void set_times(Timestamp created, Timestamp modified) { created_ = created, modified_ = modified; }
  void set_version(std::uint64_t version) { version_ = version; }
  void set_expires_at(std::optional<Timestamp> at) { expires_ = at; }
  void add_type(Symbol type);
  void add_scope(std::string_view scope);

  /// What one instance holds besides its sub-attributes. Times are absolute.
  struct Instance {
    Symbol name = Symbol::none;
    Kind kind = Kind::property;
    bool nested_keys = false;
    bool foreign_keys = false;
    bool untyped = false;
    std::optional<Timestamp> created_at, modified_at;  // default: those of what it belongs to
    std::optional<Timestamp> observed_at;
    std::optional<Timestamp> expires_at;
    std::string_view dataset_id, unit_code, value_type, extras, value;
  };
  /// Sub-attributes go between begin_instance and end_instance, nested in the same way. `instance` must live until its
  /// end; all but its times may be completed until then.
  void begin_instance(const Instance& instance);
  void end_instance();
  void add_instance(const Instance& instance) { begin_instance(instance), end_instance(); }
  /// In a patch: the attribute is gone.
  void add_removal(Symbol name);
  /// A whole instance from another block, times and sub-attributes kept.
  void copy_instance(const AttributeView& from);
  /// The instance with this number of begin_like()'s base; `in_order`: the base is_in_order().
  void copy_from_base(std::size_t index, bool in_order);
  void set_flag(EntityFlag flag) { flags_ = static_cast<std::uint16_t>(flags_ | flag); }
  static Instance instance_of(const AttributeView& from);

  std::size_t attribute_count() const { return attributes_.size(); }
  /// Takes back the last top-level instances, down to `count`.
  void drop_instances_from(std::size_t count);
  /// too_large where a count or size does not fit the format (65,535 names or attributes, 1 GiB).
  base::Result<EntityBlock> finish();

 private:
  struct Slot {
    std::uint16_t name;
    std::uint32_t offset;
    bool is_default;
  };
  struct Open {
    const Instance* instance = nullptr;
    Timestamp created_at, modified_at;
    base::ByteBuffer subs;
    std::uint16_t sub_count = 0;
  };
  std::uint16_t place_of(Symbol name);
  bool is_copyable(std::span<const std::byte> raw) const;
  void add_slot(std::uint16_t place, std::size_t offset, bool is_default);
  void write_instance(base::ByteBuffer& out, const Open& open, std::uint16_t place, Timestamp created,
                      Timestamp modified);
  void note_rare(std::uint16_t instance_flags);

  std::string id_;
  Timestamp created_, modified_;
  std::uint64_t version_ = 0;
  std::optional<Timestamp> expires_;
  std::vector<Symbol> names_;
  std::vector<std::uint16_t> types_;
  base::ByteBuffer scopes_;
  std::uint16_t scope_count_ = 0;
  std::vector<Slot> attributes_;
  base::ByteBuffer instances_;
  std::vector<Open> open_;  // kept for its buffers; `depth_` of them are in use
  std::size_t depth_ = 0;
  std::vector<std::uint32_t> first_of_;  // by place: 1 + the first attribute of that name
  bool regroup_ = false;
  bool overflow_ = false;
  std::uint16_t flags_ = 0;
  const std::byte* base_ = nullptr;
};

/// Writes blocks with their names written out (shared prefixes once), for the journal. Entities of one kind use the
/// same names in the same order: how those are written is kept. Not for several threads at once.
class RecordWriter {
 public:
  void append(base::ByteBuffer& out, EntityView entity, const SymbolTable& symbols);

 private:
  struct Kept {
    const SymbolTable* symbols = nullptr;
    std::vector<Symbol> names;
    base::ByteBuffer text;
  };
  std::array<Kept, 64> kept_;  // by hash of the names
};
/// Reads what a RecordWriter wrote and interns the names. Keeps what the last tables of names came to. Not for several
/// threads at once.
class RecordReader {
 public:
  /// corrupt where the bytes are not a record; never reads outside `record`.
  base::Result<EntityBlock> read(std::span<const std::byte> record, SymbolTable& symbols);

 private:
  struct Kept {
    const SymbolTable* symbols = nullptr;
    std::vector<std::byte> text;
    std::vector<Symbol> names;
  };
  std::array<Kept, 64> kept_;  // by hash of the text
};
/// Walks the whole block and checks every length, count and name place; `deep` also the JSON of every value. A block
/// that passes can be read by EntityView without reading outside it. corrupt says what is wrong.
base::Status verify(std::span<const std::byte> block, bool deep);

// ---- inline parts ----

inline std::string_view EntityView::id() const {
  return {reinterpret_cast<const char*>(types() + sizeof(std::uint16_t) * header().type_count), header().id_size};
}
inline std::span<const Symbol> EntityView::names() const {
  return {reinterpret_cast<const Symbol*>(block_ + sizeof(EntityHeader)), header().name_count};
}
inline const std::byte* EntityView::directory() const {
  return block_ + sizeof(EntityHeader) + sizeof(Symbol) * header().name_count;
}
inline const std::byte* EntityView::types() const {
  return directory() + 8u * header().attribute_count;
}
inline Symbol EntityView::type(std::size_t index) const {
  std::uint16_t place;
  std::memcpy(&place, types() + sizeof(place) * index, sizeof(place));
  return names()[place];
}
inline std::uint32_t EntityView::offset(std::size_t index) const {
  std::uint32_t offset;
  std::memcpy(&offset, directory() + 8u * index + 4, sizeof(offset));
  return offset;
}
inline std::span<const std::byte> EntityView::raw(std::size_t index) const {
  const std::byte* begin = instance(index);
  return {begin, index + 1 < attribute_count() ? instance(index + 1) : block_ + header().size};
}
inline Symbol EntityView::attribute_name(std::size_t index) const {
  std::uint16_t place;
  std::memcpy(&place, directory() + 8u * index, sizeof(place));
  return names()[place];
}

namespace detail {
std::uint64_t read_long_varint(const std::byte*& at);
inline std::uint64_t read_varint(const std::byte*& at) {
  if (const auto first = static_cast<std::uint64_t>(*at); first < 0x80) return ++at, first;
  return read_long_varint(at);
}
}  // namespace detail

template <class Visit>
void EntityView::each_scope(Visit&& visit) const {
  const std::byte* at = scopes();
  for (std::size_t i = 0; i < scope_count(); ++i) {
    const auto size = static_cast<std::size_t>(detail::read_varint(at));
    visit(std::string_view(reinterpret_cast<const char*>(at), size));
    at += size;
  }
}

template <class Visit>
void AttributeView::each_sub(Visit&& visit) const {
  const std::byte* at = subs.data();
  for (std::uint16_t i = 0; i < sub_count; ++i) {
    const AttributeView sub = EntityView(block).decode(at, created_at, modified_at);
    at += sub.raw.size();
    visit(sub);
  }
}

}  // namespace madang::ngsi
