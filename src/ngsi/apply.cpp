// What an operation does to an entity (clause 5.6). Everything is computed from the entity as it is, the fragment and
// the time; the result is a whole entity or a patch, which splice() puts onto the entity, live and in replay alike.

#include <algorithm>
#include <utility>

#include "madang/ngsi/change.h"
#include "madang/ngsi/expiry.h"

#include "kind_values.h"
#include "merge_value.h"

namespace madang::ngsi {

namespace {

using base::Code;

/// The work of one apply(): builders are kept per thread for their buffers.
class Application {
 public:
  Application(EntityView existing, Change& change, Timestamp now)
      : existing_(existing), change_(change), fragment_(change.fragment.view()), now_(now) {}

  base::Result<Outcome> run() {
    MADANG_CHECK(check_preconditions());
    const bool would_create = !existing_ && change_.operation == Operation::upsert_update;
    if (change_.fragment.has_nulls && (would_create || !takes_nulls()))
      return base::error(Code::bad_request_data,
                         "\"urn:ngsi-ld:null\" deletes; it cannot be used where something is created or appended "
                         "(clause 5.5.4).");
    switch (change_.operation) {
      case Operation::create:
        if (existing_) return base::error(Code::already_exists, "The entity " + change_.id + " exists already.");
        return create();
      case Operation::upsert_replace:
        if (change_.keep_times) return copy();
        return existing_ ? replace() : create();
      case Operation::upsert_update:
        return existing_ ? change_attributes() : create();
      default:
        break;
    }
    if (!existing_) return base::error(Code::not_found, "There is no entity " + change_.id + ".");
    switch (change_.operation) {
      case Operation::replace:
        return replace();
      case Operation::delete_entity:
        outcome_.record = Outcome::Record::remove;
        return std::move(outcome_);
      case Operation::delete_attribute:
        return delete_attribute();
      case Operation::drop_attributes:
      case Operation::keep_attributes:
        return purge_attributes();
      case Operation::partial_attribute:
      case Operation::replace_attribute:
        return change_one();
      default:
        return change_attributes();
    }
  }

 private:
  base::Status check_preconditions() const {
    const auto failed = [](std::string text) { return base::error(Code::precondition_failed, std::move(text)); };
    if (change_.if_absent && existing_) return failed("If-None-Match: * was asked for, and the entity exists.");
    if (change_.if_any_version && !existing_) return failed("If-Match: * was asked for, and there is no such entity.");
    if (!change_.if_versions.empty()) {
      const auto& wanted = change_.if_versions;
      if (!existing_ || std::find(wanted.begin(), wanted.end(), existing_.version()) == wanted.end())
        return failed("The entity is no longer the version that If-Match names.");
    }
    return {};
  }

  // ---- whole entities ----

  base::Result<Outcome> create() {
    if (fragment_.type_count() == 0) return base::error(Code::bad_request_data, "The entity has no type.", "/type");
    MADANG_CHECK(refuse_incomplete());
    outcome_.record = Outcome::Record::put;
    outcome_.created = true;
    return take_fragment(now_);
  }

  base::Result<Outcome> copy() {
    outcome_.record = Outcome::Record::put;
    outcome_.created = !existing_;
    outcome_.block = std::move(change_.fragment.block);
    return std::move(outcome_);
  }

  /// The fragment's block becomes the entity's. Attribute times of a fragment are "as the entity's": setting those sets
  /// all.
  base::Result<Outcome> take_fragment(Timestamp created) {
    name_updated(fragment_);
    auto* header = reinterpret_cast<EntityHeader*>(change_.fragment.block.data());
    header->created_at = created.ns;
    header->modified_at = now_.ns;
    header->expires_at = stored(change_.fragment.expires_at);
    outcome_.block = std::move(change_.fragment.block);
    return std::move(outcome_);
  }

  /// True where each attribute given was there from the beginning, so that only the entity's times need to be told.
  bool has_old_attributes_only() const {
    if (fragment_.type_count() == 0) return false;
    for (std::size_t i = 0; i < fragment_.attribute_count(); ++i) {
      const Symbol name = fragment_.attribute_name(i);
      const bool opposite = i < existing_.attribute_count() && existing_.attribute_name(i) == name;
      const std::size_t old = opposite ? i : existing_.find(name);
      if (old == existing_.attribute_count() || !existing_.is_plain(old) || !fragment_.is_plain(i)) return false;
    }
    return true;
  }

  base::Result<Outcome> replace() {
    MADANG_CHECK(refuse_incomplete());
    outcome_.record = Outcome::Record::put;
    if (has_old_attributes_only()) return take_fragment(existing_.created_at());
    builder().begin(existing_.id());
    builder().set_times(existing_.created_at(), now_);
    builder().set_expires_at(kept(change_.fragment.expires_at));
    const EntityView types = fragment_.type_count() > 0 ? fragment_ : existing_;
    for (std::size_t i = 0; i < types.type_count(); ++i) builder().add_type(types.type(i));
    fragment_.each_scope([](std::string_view scope) { builder().add_scope(scope); });
    for (std::size_t i = 0; i < fragment_.attribute_count(); ++i) {
      const AttributeView given = fragment_.attribute(i);
      add_stamped(given, existing_instance(given.name, given.dataset_id));
    }
    name_updated(fragment_);
    return finish();
  }

  /// In the header 0 stands for never; a nanosecond later is shown as the same time.
  static std::int64_t stored(std::optional<Timestamp> expires_at) {
    return expires_at ? std::max<std::int64_t>(expires_at->ns, expires_at->ns == 0 ? 1 : INT64_MIN) : 0;
  }
  static std::optional<Timestamp> kept(std::optional<Timestamp> expires_at) {
    if (!expires_at) return std::nullopt;
    return Timestamp{stored(expires_at)};
  }

  /// What is stored has values and no nulls.
  base::Status refuse_incomplete() const {
    if (change_.fragment.complete) return {};
    for (std::size_t i = 0; i < fragment_.attribute_count(); ++i) {
      const AttributeView given = fragment_.attribute(i);
      if (given.kind == Kind::null)
        return base::error(Code::bad_request_data, "\"urn:ngsi-ld:null\" deletes; there is nothing here to delete.");
      if (given.value.empty()) return base::error(Code::bad_request_data, "An attribute has no value.");
    }
    return {};
  }

  void name_updated(EntityView view) {
    outcome_.updated.reserve(view.attribute_count());
    for (std::size_t i = 0; i < view.attribute_count(); ++i) {
      const Symbol name = view.attribute_name(i);
      if (outcome_.updated.empty() || outcome_.updated.back() != name) outcome_.updated.push_back(name);
    }
  }

  // ---- attributes ----

  bool merging() const { return change_.operation == Operation::merge; }
  bool keeps_existing() const {
    return change_.operation == Operation::append_no_overwrite ||
           change_.operation == Operation::batch_update_no_overwrite;
  }
  bool takes_nulls() const {
    switch (change_.operation) {
      case Operation::merge:
      case Operation::update:
      case Operation::upsert_update:
      case Operation::batch_update:
      case Operation::partial_attribute:
        return true;
      default:
        return false;
    }
  }

  void begin_patch() {
    builder().begin(existing_.id());
    builder().set_times(existing_.created_at(), now_);
  }

  base::Result<Outcome> change_attributes() {
    begin_patch();
    const bool types_changed = add_types();
    const bool scopes_changed = set_scopes();
    const bool expiry_changed = set_expiry();
    for (std::size_t i = 0; i < fragment_.attribute_count();) {
      const Symbol name = fragment_.attribute_name(i);
      std::size_t end = i + 1;
      while (end < fragment_.attribute_count() && fragment_.attribute_name(end) == name) ++end;
      MADANG_CHECK(change_name(name, i, end));
      i = end;
    }
    if (!types_changed && !scopes_changed && !expiry_changed && builder().attribute_count() == 0)
      return std::move(outcome_);
    outcome_.record = Outcome::Record::patch;
    return finish();
  }

  /// New types join the old ones (5.5.8). A patch without types leaves them.
  bool add_types() {
    bool any_new = false;
    for (std::size_t i = 0; i < fragment_.type_count(); ++i) any_new |= !existing_.has_type(fragment_.type(i));
    if (!any_new) return false;
    for (std::size_t i = 0; i < existing_.type_count(); ++i) builder().add_type(existing_.type(i));
    for (std::size_t i = 0; i < fragment_.type_count(); ++i) builder().add_type(fragment_.type(i));
    return true;
  }

  bool set_scopes() {
    if (!change_.fragment.has_scope) return false;
    if (change_.operation == Operation::update && existing_.scope_count() == 0) {  // 5.6.2.4: otherwise ignored
      outcome_.not_updated.push_back({Symbol::none, "The entity has no scope that could be replaced."});
      return false;
    }
    std::vector<std::string_view> scopes;
    const auto add = [&scopes](std::string_view scope) {
      if (std::find(scopes.begin(), scopes.end(), scope) == scopes.end()) scopes.push_back(scope);
    };
    if (keeps_existing()) existing_.each_scope(add);
    fragment_.each_scope(add);
    for (const std::string_view scope : scopes) builder().add_scope(scope);
    builder().set_flag(kScopesGiven);
    return true;
  }

  /// Clause 4.22: expiresAt is a member of the entity like others, replaced, added or taken away (5.5.8, 5.5.12).
  bool set_expiry() {
    const auto given = change_.fragment.expires_at;
    if (!given || (given == kNullTime && !existing_.expires_at())) return false;
    if (keeps_existing() && existing_.expires_at()) {
      outcome_.not_updated.push_back(
          {Symbol::none, "The entity has an expiresAt and overwriting was not asked for.", "expiresAt"});
      return false;
    }
    builder().set_flag(kExpiryGiven);
    if (given != kNullTime) builder().set_expires_at(kept(given));
    return true;
  }

  /// All instances of one name: those of the fragment [first, end) against those there are.
  base::Status change_name(Symbol name, std::size_t first, std::size_t end) {
    const std::size_t mark = builder().attribute_count();
    bool changed = false;
    each_existing(name, [&](const AttributeView& old) {
      const auto given = find_given(old.dataset_id, first, end);
      if (!given || keeps_existing()) return builder().copy_instance(old);
      if (given->kind == Kind::null) return void(changed = true);
      changed = true;
      if (merging())
        add_merged(old, *given);
      else
        add_stamped(*given, old);
    });
    for (std::size_t i = first; i < end; ++i) {
      const AttributeView given = fragment_.attribute(i);
      const bool exists = existing_instance(name, given.dataset_id).has_value();
      if (exists && keeps_existing()) {
        outcome_.not_updated.push_back({name, "The attribute exists and overwriting was not asked for."});
        continue;
      }
      if (exists) continue;
      if (given.kind == Kind::null) {
        outcome_.not_updated.push_back({name, "There is no such attribute to delete."});
        continue;
      }
      if (given.value.empty()) return base::error(Code::bad_request_data, "A new attribute has no value.");
      add_stamped(given, std::nullopt);
      changed = true;
    }
    MADANG_CHECK(take_failure());
    if (!changed) {
      builder().drop_instances_from(mark);
      return {};
    }
    if (builder().attribute_count() == mark) builder().add_removal(name);
    outcome_.updated.push_back(name);
    return {};
  }

  base::Result<Outcome> change_one() {
    if (fragment_.attribute_count() != 1)
      return base::error(Code::bad_request_data, "One instance of one attribute is changed here.");
    const AttributeView given = fragment_.attribute(0);
    if (!existing_instance(given.name, given.dataset_id)) return no_such_attribute(given.dataset_id);
    begin_patch();
    each_existing(given.name, [&](const AttributeView& old) {
      if (old.dataset_id != given.dataset_id) return builder().copy_instance(old);
      if (given.kind == Kind::null) return;
      if (change_.operation == Operation::replace_attribute) return add_stamped(given, old);
      if (const auto wrong = other_kind(old, given)) return void(failure_ = *wrong);
      add_partial(old, given);
    });
    MADANG_CHECK(take_failure());
    if (change_.operation == Operation::replace_attribute && (given.kind == Kind::null || given.value.empty()))
      return base::error(Code::bad_request_data, "The replacing attribute has no value.");
    if (builder().attribute_count() == 0) builder().add_removal(given.name);
    outcome_.updated.push_back(given.name);
    outcome_.record = Outcome::Record::patch;
    return finish();
  }

  /// Clause 5.6.4.4: the type of an attribute is not changed by a part of it.
  static std::optional<base::Error> other_kind(const AttributeView& old, const AttributeView& given) {
    const bool guessed =
        given.untyped && (given.value.empty() || old.kind == Kind::property) && value_member(given.kind) == "value";
    if (guessed || given.kind == old.kind) return std::nullopt;
    return base::error(Code::bad_request_data,
                       "The attribute is a " + std::string(kind_name(old.kind)) + "; its type cannot be changed here.");
  }

  base::Result<Outcome> delete_attribute() {
    const Symbol name = change_.attribute;
    if (name == Symbol::none) return delete_scope();
    if (change_.delete_all ? !existing_.has_attribute(name) : !existing_instance(name, change_.dataset_id))
      return no_such_attribute(change_.dataset_id);
    begin_patch();
    each_existing(name, [&](const AttributeView& old) {
      if (!change_.delete_all && old.dataset_id != change_.dataset_id) builder().copy_instance(old);
    });
    if (builder().attribute_count() == 0) builder().add_removal(name);
    outcome_.updated.push_back(name);
    outcome_.record = Outcome::Record::patch;
    return finish();
  }

  base::Result<Outcome> delete_scope() {
    if (existing_.scope_count() == 0) return base::error(Code::not_found, "The entity has no scope.");
    begin_patch();
    builder().set_flag(kScopesGiven);
    outcome_.record = Outcome::Record::patch;
    return finish();
  }

  /// Clause 5.6.21.4: the attributes that a purge names, or all others, go; the entity stays.
  base::Result<Outcome> purge_attributes() {
    const auto& names = change_.purge.names;
    const bool keeps = change_.operation == Operation::keep_attributes;
    begin_patch();
    for (std::size_t i = 0; i < existing_.attribute_count(); ++i) {
      const Symbol name = existing_.attribute_name(i);
      if (i > 0 && existing_.attribute_name(i - 1) == name) continue;
      if ((std::find(names.begin(), names.end(), name) != names.end()) == keeps) continue;
      builder().add_removal(name);
      outcome_.updated.push_back(name);
    }
    const bool drops_scope = change_.purge.scope && existing_.scope_count() > 0;
    if (drops_scope) builder().set_flag(kScopesGiven);
    if (!drops_scope && outcome_.updated.empty()) return std::move(outcome_);
    outcome_.record = Outcome::Record::patch;
    return finish();
  }

  static base::Error no_such_attribute(std::string_view dataset) {
    return base::error(Code::not_found, dataset.empty() ? "The entity has no such attribute."
                                                        : "The attribute has no instance with the datasetId " +
                                                              std::string(dataset) + ".");
  }

  // ---- instances ----

  /// The fragment's instance as it is, created when the old one was.
  void add_stamped(const AttributeView& given, const std::optional<AttributeView>& old) {
    if (given.value.empty()) {
      failure_ = base::error(Code::bad_request_data, "The attribute has no value.");
      return;
    }
    auto instance = EntityBuilder::instance_of(given);
    instance.untyped = false;
    if (!change_.fragment.has_nulls) return write_stamped(instance, given, old);
    const std::string extras = overlay_extras({}, given.extras);
    const std::string value =
        merging() && given.value.front() == '{' ? merge_values("{}", given.value) : std::string(given.value);
    instance.extras = extras;
    instance.value = value;
    write_stamped(instance, given, old);
  }

  void write_stamped(EntityBuilder::Instance& instance, const AttributeView& given,
                     const std::optional<AttributeView>& old) {
    stamp(instance, old);
    builder().begin_instance(instance);
    given.each_sub([&](const AttributeView& sub) {
      if (sub.kind != Kind::null) add_stamped(sub, old ? old->find_sub(sub.name) : std::nullopt);
    });
    builder().end_instance();
  }

  void stamp(EntityBuilder::Instance& instance, const std::optional<AttributeView>& old) const {
    instance.created_at = old ? old->created_at : now_;
    instance.modified_at = now_;
    if (instance.observed_at == kNullTime) instance.observed_at.reset();
    if (instance.expires_at == kNullTime) instance.expires_at.reset();
    if (instance.unit_code == kNull) instance.unit_code = {};
    if (instance.value_type == kNull) instance.value_type = {};
  }

  /// Members given replace those of the old instance, the others stay (5.5.8, example 1).
  void add_partial(const AttributeView& old, const AttributeView& given) {
    overlay(old, given, given.value.empty() ? old : given, given.value);
  }

  /// The same, but values that are objects are merged member by member (5.5.12).
  void add_merged(const AttributeView& old, const AttributeView& given) {
    AttributeView typed = given;
    std::string merged;
    if (given.value.empty() && !given.untyped && given.kind != old.kind) {
      failure_ = base::error(Code::bad_request_data, "The attribute changes its type and has no value.");
      return;
    }
    if (given.value.empty()) return overlay(old, given, old, {});
    if (given.untyped) {
      auto kept = keep_kind(old, given);
      if (!kept) return;
      merged = std::move(*kept);
      typed.kind = old.kind;
    } else {
      merged = merge_values(given.kind == old.kind ? old.value : "{}", given.value);
    }
    typed.nested_keys |= old.nested_keys;
    typed.foreign_keys |= old.foreign_keys;
    overlay(old, given, typed, merged);
  }

  /// A value without a type is one of the old attribute's kind (5.6.17.4).
  std::optional<std::string> keep_kind(const AttributeView& old, const AttributeView& given) {
    const bool text = given.value.front() == '"';
    switch (old.kind) {
      case Kind::language_property: {
        if (!text) break;
        const std::string lang = change_.lang.empty() ? "@none" : change_.lang;
        return merge_values(old.value, "{\"" + lang + "\":" + std::string(given.value) + "}");
      }
      case Kind::relationship:
        if (is_object(given.value)) return std::string(given.value);
        break;
      case Kind::list_relationship:
        if (given.value == "[]" || (given.value.front() == '[' && is_object(given.value)))
          return std::string(given.value);
        break;
      case Kind::list_property:
        if (given.value.front() == '[') return std::string(given.value);
        break;
      case Kind::geo_property:
        if (given.kind == Kind::geo_property) return std::string(given.value);
        break;
      case Kind::property:
        return merge_values(old.value, given.value);
      default:  // simplified, a vocab and a json name themselves (4.5.4): what does not is none
        break;
    }
    failure_ = base::error(Code::bad_request_data, "The attribute is a " + std::string(kind_name(old.kind)) +
                                                       " and this value is none of one.");
    return std::nullopt;
  }

  void overlay(const AttributeView& old, const AttributeView& given, const AttributeView& kind_from,
               std::string_view value) {
    auto instance = EntityBuilder::instance_of(old);
    instance.kind = kind_from.kind == Kind::null ? old.kind : kind_from.kind;
    if (given.untyped) instance.kind = old.kind;
    const bool same_kind = instance.kind == old.kind;
    if (!same_kind) instance.unit_code = instance.value_type = instance.extras = {};
    if (!value.empty()) {
      instance.value = value;
      instance.nested_keys = kind_from.nested_keys;
      instance.foreign_keys = kind_from.foreign_keys;
    }
    if (given.observed_at) instance.observed_at = given.observed_at;
    if (!given.observed_at && old.observed_at && change_.observed_at) instance.observed_at = change_.observed_at;
    if (!given.unit_code.empty()) instance.unit_code = given.unit_code;
    if (given.expires_at) instance.expires_at = given.expires_at;
    if (!given.value_type.empty()) instance.value_type = given.value_type;
    std::string extras;
    if (!given.extras.empty()) instance.extras = extras = overlay_extras(instance.extras, given.extras);
    stamp(instance, old);
    builder().begin_instance(instance);
    old.each_sub([&](const AttributeView& sub) {
      const auto newer = given.find_sub(sub.name);
      if (!newer) return builder().copy_instance(sub);
      if (newer->kind == Kind::null) return;
      if (merging())
        add_merged(sub, *newer);
      else
        add_stamped(*newer, sub);
    });
    given.each_sub([&](const AttributeView& sub) {
      if (sub.kind != Kind::null && !old.find_sub(sub.name)) add_stamped(sub, std::nullopt);
    });
    builder().end_instance();
  }

  /// Each that is given takes the place of its kind; the NGSI-LD null takes it away.
  static std::string overlay_extras(std::string_view old, std::string_view given) {
    std::string out;
    for (const Extra which : kExtras) {
      const std::string_view newer = find_extra(given, which);
      const std::string_view text = newer.empty() ? find_extra(old, which) : newer;
      if (!text.empty() && text != kNull) append_extra(out, which, text);
    }
    return out;
  }

  template <class Visit>
  void each_existing(Symbol name, Visit&& visit) const {
    for (std::size_t i = existing_.find(name); i < existing_.attribute_count() && existing_.attribute_name(i) == name;
         ++i)
      visit(existing_.attribute(i));
  }

  std::optional<AttributeView> existing_instance(Symbol name, std::string_view dataset) const {
    std::optional<AttributeView> found;
    each_existing(name, [&](const AttributeView& old) {
      if (old.dataset_id == dataset) found = old;
    });
    return found;
  }

  std::optional<AttributeView> find_given(std::string_view dataset, std::size_t first, std::size_t end) const {
    for (std::size_t i = first; i < end; ++i) {
      const AttributeView given = fragment_.attribute(i);
      if (given.dataset_id == dataset) return given;
    }
    return std::nullopt;
  }

  base::Status take_failure() {
    if (failure_) return std::move(*failure_);
    return {};
  }

  base::Result<Outcome> finish() {
    MADANG_CHECK(take_failure());
    MADANG_TRY(outcome_.block, builder().finish());
    return std::move(outcome_);
  }

  static EntityBuilder& builder() {
    static thread_local EntityBuilder kept;
    return kept;
  }

  EntityView existing_;
  Change& change_;
  EntityView fragment_;
  Timestamp now_;
  Outcome outcome_;
  std::optional<base::Error> failure_;
};

}  // namespace

base::Result<Outcome> apply(EntityView existing, Change&& change, Timestamp now, const EntityLimits& limits) {
  MADANG_TRY(Outcome outcome, Application(existing, change, now).run());
  if (outcome.record == Outcome::Record::put && outcome.block.size() > limits.entity_bytes)
    return base::error(Code::too_large, "The entity would be larger than an entity may be.");
  return outcome;
}

base::Result<EntityBlock> splice(EntityView before, EntityView patch) {
  static thread_local EntityBuilder builder;
  // Names that are no longer used stay in the table; where they are many, the entity is written anew.
  const bool tidy = before.names().size() <= 2 * (before.attribute_count() + before.type_count()) + 16;
  if (tidy)
    builder.begin_like(before);
  else
    builder.begin(before.id());
  builder.set_times(before.created_at(), patch.modified_at());
  const bool expiry_given = (patch.header().flags & kExpiryGiven) != 0;
  builder.set_expires_at(expiry_given ? patch.expires_at() : before.expires_at());
  const EntityView types = patch.type_count() > 0 ? patch : before;
  for (std::size_t i = 0; i < types.type_count(); ++i) builder.add_type(types.type(i));
  const EntityView scopes = (patch.header().flags & kScopesGiven) ? patch : before;
  scopes.each_scope([](std::string_view scope) { builder.add_scope(scope); });

  const auto copy_from_patch = [&](std::size_t from) {
    const Symbol name = patch.attribute_name(from);
    for (std::size_t i = from; i < patch.attribute_count() && patch.attribute_name(i) == name; ++i) {
      const AttributeView instance = patch.attribute(i);
      if (instance.kind != Kind::null) builder.copy_instance(instance);
    }
  };
  const bool in_order = before.is_in_order();
  for (std::size_t i = 0; i < before.attribute_count(); ++i) {
    const Symbol name = before.attribute_name(i);
    const std::size_t at = patch.find(name);
    if (at == patch.attribute_count())
      tidy ? builder.copy_from_base(i, in_order) : builder.copy_instance(before.attribute(i));
    else if (i == 0 || before.attribute_name(i - 1) != name)
      copy_from_patch(at);
  }
  for (std::size_t i = 0; i < patch.attribute_count(); ++i) {
    const Symbol name = patch.attribute_name(i);
    if (!before.has_attribute(name) && (i == 0 || patch.attribute_name(i - 1) != name)) copy_from_patch(i);
  }
  MADANG_TRY(EntityBlock after, builder.finish());
  forget_gone_expiry(after);
  return after;
}

}  // namespace madang::ngsi
