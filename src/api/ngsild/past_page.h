#pragma once
// An answer about the past on its way out: one evolution or a page of them, written some at a time so that a long one
// holds up nobody else's request.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "call.h"
#include "entity_maps.h"
#include "ngsild/past_question.h"

namespace madang::api::ngsild {

/// Kept alive by the callbacks that hold it. One of the done()s or fail() ends it.
class PastPage : public std::enable_shared_from_this<PastPage> {
 public:
  PastPage(std::shared_ptr<Call> call, PastView&& view)
      : shared_(std::move(call)), call_(*shared_), view_(std::move(view)) {}

  bool many = false;          // an array
  ngsi::EvolutionsPage page;  // of many
  std::optional<int> status;  // where it is not 200, 203 or 206
  std::string header_lines;   // besides those of a page
  Call& call() { return call_; }
  const PastView& view() const { return view_; }

  void done(std::vector<ngsi::Evolution>&& evolutions, std::uint64_t count, bool more);
  void done(std::vector<ngsi::Aggregation>&& aggregations, std::uint64_t count, bool more);
  void fail(const base::Error& error);

 private:
  std::size_t size() const { return evolutions_.size() + aggregations_.size(); }
  void begin();
  void note_last(ngsi::EntityView entity);
  /// Clause 6.3.10: where one evolution is cut, all of them are, at the same time.
  void cut();
  /// An evolution that is cut shows that there is more of other attributes: which ones, from the `index`th on.
  void look_elsewhere(std::size_t index);
  base::Status check_methods() const;
  void go_on();
  void append(std::size_t index);
  base::Status amend(ngsi::Evolution& evolution);
  void finish();
  void append_range(std::string& block) const;
  void append_warnings(std::string& block) const;
  void append_neighbours(std::string& block) const;
  void give_back() { call_.loop.give_buffer(std::move(text_)); }

  const std::shared_ptr<Call> shared_;
  Call& call_;
  PastView view_;
  std::vector<ngsi::Evolution> evolutions_;
  std::vector<std::vector<ngsi::ElsewhereAttribute>> elsewhere_;  // by number of the evolution
  std::vector<ngsi::Aggregation> aggregations_;
  std::uint64_t count_ = 0;
  bool more_ = false, amended_ = false, cut_ = false;
  bool coarse_ = false, left_out_ = false, distinct_unknown_ = false;  // see ngsi::Aggregation
  std::string last_id_;
  std::optional<base::Timestamp> range_start_, range_end_;
  std::string text_;
  std::size_t next_ = 0;
};

}  // namespace madang::api::ngsild
